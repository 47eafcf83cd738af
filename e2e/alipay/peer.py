"""python-alipay-sdk against our adapter, our notify endpoint and our simulated platform.

    cargo build -p server --example alipay_peer
    python3 -m venv .venv && .venv/bin/pip install -r e2e/requirements.txt
    TZ=Asia/Shanghai .venv/bin/python e2e/alipay/peer.py [PATH/TO/alipay_peer]

Run at the repository's root; the default path is target/debug/examples/alipay_peer. Needs no
network. Exits non-zero at the first thing that is not as it should be.
"""

import csv
import datetime
import io
import json
import subprocess
import sys
import textwrap
import urllib.parse
import urllib.request
import zipfile

from alipay import AliPay, DCAliPay


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


def check_holds_and_splits(facts, merchant):
    """Freeze, take, split, take back: with the library's own requests and checks."""
    order = merchant.client_api("alipay.fund.auth.order.app.freeze", {
        "out_order_no": "K40", "out_request_no": "K40", "order_title": "python", "amount": "5.00",
        "product_code": "PRE_AUTH_ONLINE", "payee_user_id": facts["seller_id"],
        "deposit_product_mode": "POSTPAY_UNCERTAIN", "post_payments": [{"name": "充电费"}],
    })
    fetch(facts["url"] + "/demo/alipay/tradepay?" + urllib.parse.urlencode({"orderStr": order}))
    fetch(facts["url"] + "/demo/alipay/hold/K40", {"action": "pay_lost"})
    hold = merchant.server_api("alipay.fund.auth.operation.detail.query",
                               {"out_order_no": "K40", "out_request_no": "K40"})
    assert hold["order_status"] == "AUTHORIZED", hold
    taken = merchant.server_api("alipay.trade.pay", {
        "out_trade_no": "K40", "auth_no": hold["auth_no"], "auth_confirm_mode": "COMPLETE",
        "product_code": "PRE_AUTH_ONLINE", "total_amount": "3.00", "subject": "python",
        "seller_id": facts["seller_id"], "buyer_open_id": hold["payer_open_id"],
    })
    payee = "2088000000001009"
    merchant.server_api("alipay.trade.royalty.relation.bind", {
        "out_request_no": "B40", "receiver_list": [{"type": "userId", "account": payee}]})
    part = {"trans_out": facts["seller_id"], "trans_in": payee, "amount": "0.90"}
    settle = {"out_request_no": "S40", "trade_no": taken["trade_no"], "royalty_parameters": [part]}
    over = {**settle, "royalty_parameters": [{**part, "amount": "0.91"}]}
    method = "alipay.trade.order.settle"
    assert merchant.server_api(method, over)["sub_code"] == "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR"
    assert merchant.server_api(method, settle)["trade_no"] == taken["trade_no"]
    back = {"trans_out": payee, "trans_in": facts["seller_id"], "amount": "0.90"}
    refund = merchant.api_alipay_trade_refund("3.00", out_trade_no="K40", out_request_no="R40",
                                              refund_royalty_parameters=[back])
    assert refund["fund_change"] == "Y", refund


def check_bill(facts, merchant):
    """A day's bill, unpacked and read by Python."""
    hour = 3_600_000
    set_platform(facts, skew_ms=-20 * hour)
    created = merchant.server_api("alipay.trade.create", {
        "out_trade_no": "K50", "total_amount": "5.00", "subject": "账单", "product_code": "JSAPI_PAY",
        "op_app_id": facts["app_id"], "buyer_open_id": "open-1"})
    fetch(f"{facts['url']}/demo/alipay/cashier/{created['trade_no']}", {"action": "pay_lost"})
    merchant.api_alipay_trade_refund("1.70", out_trade_no="K50", out_request_no="R50")
    set_platform(facts, skew_ms=14 * hour)
    beijing = datetime.timezone(datetime.timedelta(hours=8))
    day = datetime.datetime.now(beijing) - datetime.timedelta(hours=20)
    address = merchant.server_api("alipay.data.dataservice.bill.downloadurl.query",
                                  {"bill_type": "trade", "bill_date": day.strftime("%Y-%m-%d")})
    with urllib.request.urlopen(address["bill_download_url"]) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    assert archive.testzip() is None and len(archive.namelist()) == 2, archive.namelist()
    [details] = [name for name in archive.namelist() if "汇总" not in name]
    text = archive.read(details).decode("gbk")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [{name: cell.strip() for name, cell in row.items()} for row in csv.DictReader(lines)]
    wanted = ["商户订单号", "业务类型", "订单金额（元）", "退款批次号/请求号", "服务费（元）"]
    mine = [[row[name] for name in wanted] for row in rows if row["商户订单号"] == "K50"]
    assert mine == [["K50", "交易", "5.00", "", "-0.03"],
                    ["K50", "退款", "-1.70", "R50", "0.01"]], mine
    set_platform(facts, skew_ms=0)


def set_platform(facts, **what):
    fetch(facts["url"] + "/peer/set?" + urllib.parse.urlencode(what))


def check_certificates(facts, merchant):
    """The library finds the same numbers for the same certificates."""
    set_platform(facts, certificate="first")

    def certified(certificate):
        made = DCAliPay(
            appid=facts["app_id"],
            app_private_key_string=pem("PRIVATE KEY", facts["merchant_private_key"]),
            app_public_key_cert_string=facts["app_cert"],
            alipay_public_key_cert_string=certificate,
            # The library wants an empty line between them.
            alipay_root_cert_string=facts["root_cert"].replace("-\n-", "-\n\n-"),
        )
        made._gateway = facts["gateway"]
        return made

    assert certified(facts["alipay_cert"]).api_alipay_trade_query(out_trade_no="K13")["code"] == "10000"
    answer = merchant.api_alipay_trade_query(out_trade_no="K13")
    assert answer["sub_code"] == "isv.invalid-app-cert-sn", answer
    set_platform(facts, certificate="next")
    assert certified(facts["next_cert"]).api_alipay_trade_query(out_trade_no="K13")["code"] == "10000"


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
            check_holds_and_splits(facts, merchant)
            check_bill(facts, merchant)
            check_certificates(facts, merchant)
        finally:
            server.kill()
    print("python-alipay-sdk agrees")


if __name__ == "__main__":
    main()
