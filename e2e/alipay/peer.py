"""python-alipay-sdk against our adapter, our notify endpoint and our simulated platform.

    cargo build -p server --example alipay_peer
    python3 -m venv .venv && .venv/bin/pip install -r e2e/requirements.txt
    TZ=Asia/Shanghai .venv/bin/python e2e/alipay/peer.py [PATH/TO/alipay_peer]

Run at the repository's root; the default path is target/debug/examples/alipay_peer. Needs no
network. Exits non-zero at the first thing that is not as it should be.
"""

import json
import subprocess
import sys
import textwrap
import urllib.parse
import urllib.request

from alipay import AliPay


def pem(kind, base64):
    body = "\n".join(textwrap.wrap(base64, 64))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"


def fetch(url, form=None):
    body = None if form is None else urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
        return answer.read().decode()


def library(facts, private_key, public_key):
    made = AliPay(
        appid=facts["app_id"],
        app_notify_url=facts["url"] + "/notify/alipay",
        app_private_key_string=pem("PRIVATE KEY", private_key),
        alipay_public_key_string=pem("PUBLIC KEY", public_key),
        sign_type="RSA2",
    )
    made._gateway = facts["gateway"]
    return made


def check_requests(facts, alipay_side):
    """The address a browser is sent to verifies with the library."""
    answer = json.loads(fetch(facts["url"] + "/peer/call?deed=wap&id=K11"))["answer"]
    address = answer.split('Redirect("')[1].rsplit('")', 1)[0]
    params = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    signature = params.pop("sign")
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    assert alipay_side._verify(text, signature), "wap.pay is signed"
    assert not alipay_side._verify(text.replace("5.00", "0.01"), signature), "and covers the amount"


def check_notifies(facts, alipay_side, merchant):
    """Notifies signed by the library are taken, changed ones are not."""
    good = {
        "notify_id": "p1", "app_id": facts["app_id"], "seller_id": facts["seller_id"],
        "trade_no": "T12", "out_trade_no": "K12", "trade_status": "TRADE_SUCCESS",
        "total_amount": "5.00", "gmt_payment": "2026-11-22 08:00:00", "subject": "充电 + 50%",
    }

    def signed(params):
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return {**params, "sign_type": "RSA2", "sign": alipay_side._sign(text)}

    url = facts["url"] + "/notify/alipay"
    assert fetch(url, signed(good)) == "success"
    check = signed(good)
    signature = check.pop("sign")
    assert merchant.verify(check, signature), "the library takes the same notify"
    for name in ["app_id", "seller_id", "total_amount", "out_trade_no", "trade_status"]:
        assert fetch(url, signed({**good, name: "9"})) == "failure", name
        assert fetch(url, {**signed(good), name: "9"}) == "failure", name
    assert json.loads(fetch(facts["url"] + "/peer/told")) == ["K12 Success"]


def check_platform(facts, merchant):
    """The library as a merchant; it verifies every answer."""
    created = merchant.client_api("alipay.trade.create", biz_content={
        "out_trade_no": "K13", "total_amount": "5.00", "subject": "python",
        "product_code": "JSAPI_PAY", "op_app_id": facts["app_id"], "buyer_open_id": "open-13",
    })
    assert created.startswith("app_id="), created
    answer = json.loads(fetch(facts["gateway"], dict(urllib.parse.parse_qsl(created))))
    trade_no = answer["alipay_trade_create_response"]["trade_no"]
    fetch(f"{facts['url']}/demo/alipay/cashier/{trade_no}", {"action": "pay_lost"})
    queried = merchant.api_alipay_trade_query(out_trade_no="K13")
    assert queried["trade_status"] == "TRADE_SUCCESS", queried
    refunded = merchant.api_alipay_trade_refund("1.50", out_trade_no="K13", out_request_no="R13")
    assert refunded["fund_change"] == "Y", refunded
    found = merchant.api_alipay_trade_fastpay_refund_query("R13", out_trade_no="K13")
    assert found["refund_status"] == "REFUND_SUCCESS", found


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "target/debug/examples/alipay_peer"
    with subprocess.Popen([binary], stdout=subprocess.PIPE, text=True) as server:
        try:
            facts = json.loads(server.stdout.readline())
            merchant = library(facts, facts["merchant_private_key"], facts["alipay_public_key"])
            alipay_side = library(facts, facts["alipay_private_key"], facts["merchant_public_key"])
            check_requests(facts, alipay_side)
            check_notifies(facts, alipay_side, merchant)
            check_platform(facts, merchant)
        finally:
            server.kill()
    print("python-alipay-sdk agrees")


if __name__ == "__main__":
    main()
