"""wechatpayv3 against our adapter and our callback endpoint.

    cargo build -p server --example wechat_peer
    python3 -m venv .venv && .venv/bin/pip install -r e2e/requirements.txt
    .venv/bin/python e2e/wechat/peer.py [PATH/TO/wechat_peer]

Run at the repository's root; the default path is target/debug/examples/wechat_peer. Needs no
network. Exits non-zero at the first thing that is not as it should be.
"""

import datetime
import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from wechatpayv3 import SignType, WeChatPay, WeChatPayType
from wechatpayv3 import utils

from merchant import check_merchant

SIGN_TYPE = "WECHATPAY2-SHA256-RSA2048"
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


def library(facts, private_key, public_key, apiv3_key):
    return WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI, mchid=facts["mchid"], private_key=private_key,
        cert_serial_no=facts["serial_no"], appid=facts["appid"], apiv3_key=apiv3_key,
        public_key=public_key, public_key_id=facts["key_id"],
    )


def seal(key, text, aad):
    nonce = f"{time.time_ns():x}"[-12:]
    sealed = AESGCM(key.encode()).encrypt(nonce.encode(), text.encode(), aad.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": aad,
        "ciphertext": utils.b64encode(sealed).decode(),
    }


class Gateway:
    """A platform made of the library's functions: it verifies requests and signs answers."""

    def __init__(self, facts, serial, private_key):
        self.facts, self.serial, self.key = facts, serial, private_key
        self.answers, self.calls = {}, []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                gateway.answer(self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def headers(self, body, at=None):
        at = str(int(time.time() if at is None else at))
        signature = utils.rsa_sign(self.key, f"{at}\n{NONCE}\n{body}\n")
        return {
            "Wechatpay-Timestamp": at, "Wechatpay-Nonce": NONCE, "Wechatpay-Signature": signature,
            "Wechatpay-Serial": self.serial, "Wechatpay-Signature-Type": SIGN_TYPE,
        }

    def verify(self, method, target, authorization, body):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        public_key = utils.load_public_key(self.facts["merchant_public_key"])
        # The library's check of three lines is used for five: the first two stand in the first.
        first = f"{method}\n{target}\n{pairs['timestamp']}"
        assert utils.rsa_verify(first, pairs["nonce_str"], body, pairs["signature"], public_key)
        assert not utils.rsa_verify(first, pairs["nonce_str"], body + " ", pairs["signature"], public_key)

    def answer(self, request):
        length = int(request.headers.get("content-length", 0))
        body = request.rfile.read(length).decode()
        path = request.path.split("?")[0]
        try:
            self.verify(request.command, request.path, request.headers["authorization"], body)
            status, text, tamper = self.answers[path]
        except (AssertionError, KeyError) as error:
            status, text, tamper = 500, repr(error), False
        self.calls.append((path, json.loads(body) if body else None))
        request.send_response(status)
        for name, value in self.headers(text + " " if tamper else text).items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())

    def says(self, path, content, status=200, tamper=False):
        self.answers[path] = (status, json.dumps(content, ensure_ascii=False), tamper)


def call(facts, gateway, deed, number, **more):
    query = urllib.parse.urlencode({"deed": deed, "id": number, "gateway": gateway.url, **more})
    with urllib.request.urlopen(f"{facts['url']}/peer/call?{query}") as answer:
        return json.loads(answer.read())["answer"]


def post(facts, body, headers):
    request = urllib.request.Request(facts["url"] + "/notify/wechat", data=body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def trade(facts, number, **more):
    return {
        "appid": facts["appid"], "mchid": facts["mchid"], "out_trade_no": number,
        "transaction_id": "42001", "trade_state": "SUCCESS",
        "success_time": "2026-11-22T08:00:00+08:00", "payer": {"openid": "open-1"},
        "amount": {"total": 500, "currency": "CNY"}, **more,
    }


def check_cashier(facts, gateway, merchant):
    """What the rider's WeChat is called with is what the library would sign."""
    gateway.says("/v3/pay/transactions/jsapi", {"prepay_id": "wx1"})
    answer = call(facts, gateway, "jsapi", "K11")
    params = json.loads(json.loads(answer[len("Ok(Bridge("):-2]))
    signed = merchant.sign([params["appId"], params["timeStamp"], params["nonceStr"], params["package"]])
    assert params["paySign"] == signed, "paySign is the library's, to the letter"
    gateway.says("/v3/payscore/serviceorder", {"package": "AAQ="})
    answer = call(facts, gateway, "hold", "K11")
    pairs = dict(urllib.parse.parse_qsl(answer.split('"')[1]))
    signature = pairs.pop("sign")
    scorer = library(facts, facts["merchant_private_key"], facts["platform_public_key"], facts["api_v2_key"])
    assert signature == scorer.sign(pairs, SignType.HMAC_SHA256), "pay score's signature too"


def check_answers(facts, gateway, platform):
    """Answers signed by the library are believed, tampered ones are not; names are readable."""
    path = "/v3/pay/transactions/out-trade-no/K12"
    gateway.says(path, trade(facts, "K12", attach="充电"))
    assert call(facts, gateway, "query", "K12").startswith("Ok(Paid(")
    gateway.says(path, trade(facts, "K12"), tamper=True)
    assert call(facts, gateway, "query", "K12").startswith("Err(Unknown(")
    gateway.says("/v3/profitsharing/receivers/add", {"account": "1"})
    assert call(facts, gateway, "bind", "1") == "Ok(())"
    assert platform.decrypt(gateway.calls[-1][1]["name"]) == "物业公司"


def check_callbacks(facts, gateway, merchant):
    """Callbacks that the library takes we take, and those that it refuses we refuse."""

    def body_of(content, aad="transaction"):
        sealed = seal(facts["api_v3_key"], json.dumps(content), aad)
        return json.dumps({
            "id": sealed["nonce"], "event_type": "TRANSACTION.SUCCESS",
            "resource_type": "encrypt-resource", "summary": "支付成功",
            "resource": {"original_type": "transaction", **sealed},
        }, ensure_ascii=False)

    for aad in ["transaction", ""]:
        good = body_of(trade(facts, "K13"), aad)
        headers = gateway.headers(good)
        assert merchant.callback(headers, good)["resource"]["out_trade_no"] == "K13"
        assert post(facts, good, headers) == 204
        for at in range(0, len(good), 7):
            changed = good[:at] + ("x" if good[at] != "x" else "y") + good[at + 1:]
            assert post(facts, changed, headers) == 401, at
        assert merchant.callback(headers, good + " ") is None
        assert post(facts, good, gateway.headers(good, time.time() - 310)) == 401, "too old"
    for name, value in {"mchid": "1", "appid": "1", "out_trade_no": "x", "trade_state": "CLOSED"}.items():
        wrong = body_of(trade(facts, "K13", **{name: value}))
        assert post(facts, wrong, gateway.headers(wrong)) == 400, name
    with urllib.request.urlopen(facts["url"] + "/peer/told") as answer:
        assert json.loads(answer.read()) == ["K13 Success"] * 2
    with urllib.request.urlopen(facts["url"] + "/peer/seal") as answer:
        ours = json.loads(answer.read())
    opened = utils.aes_decrypt(ours["nonce"], ours["ciphertext"], ours["associated_data"], facts["api_v3_key"])
    assert opened == "密封 sealed"


def check_certificates(facts):
    """A platform that signs with a certificate: it is fetched, opened and believed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com Root CA")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )
    serial = f"{certificate.serial_number:X}"
    gateway = Gateway(facts, serial, key)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    gateway.says("/v3/certificates", {"data": [{
        "serial_no": serial, "effective_time": (now - datetime.timedelta(days=1)).isoformat(),
        "expire_time": (now + datetime.timedelta(days=1)).isoformat(),
        "encrypt_certificate": seal(facts["api_v3_key"], pem, "certificate"),
    }]})
    gateway.says("/v3/pay/transactions/out-trade-no/K14", trade(facts, "K14"))
    answer = call(facts, gateway, "query", "K14", certificates="true")
    assert answer.startswith("Ok(Paid("), answer
    assert [path for path, _ in gateway.calls].count("/v3/certificates") == 1
    assert call(facts, gateway, "query", "K14").startswith("Err(Unknown("), "only where it is wanted"


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "target/debug/examples/wechat_peer"
    with subprocess.Popen([binary], stdout=subprocess.PIPE, text=True) as server:
        try:
            facts = json.loads(server.stdout.readline())
            keys = (facts["merchant_private_key"], facts["platform_public_key"])
            merchant = library(facts, *keys, facts["api_v3_key"])
            keys = (facts["platform_private_key"], facts["merchant_public_key"])
            platform = library(facts, *keys, facts["api_v3_key"])
            platform_key = utils.load_private_key(facts["platform_private_key"])
            gateway = Gateway(facts, facts["key_id"], platform_key)
            check_cashier(facts, gateway, merchant)
            check_answers(facts, gateway, platform)
            check_callbacks(facts, gateway, merchant)
            check_certificates(facts)
            check_merchant(facts["url"], facts["simulated"])
        finally:
            server.kill()
    print("wechatpayv3 agrees")


if __name__ == "__main__":
    main()
