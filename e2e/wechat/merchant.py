"""wechatpayv3 as a merchant of the simulated platform: what it signs is taken, and what the
platform answers and reports it believes and opens."""

import base64
import json
import queue
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.type import RequestType

MONEY = {"total": 500, "currency": "CNY"}


class Ear:
    """A callback endpoint made of the library; what it does not believe it refuses."""

    def __init__(self):
        self.merchant, self.told = None, queue.Queue()
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.title(): value for name, value in self.headers.items()}
                opened = ear.merchant.callback(headers, body)
                if opened:
                    ear.told.put(opened)
                self.send_response(204 if opened else 401)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def heard(self):
        told = self.told.get(timeout=20)
        return told["event_type"], told["resource"]


def merchant_of(url, facts, ear):
    merchant = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE, mchid=facts["mchid"], private_key=facts["private_key"],
        cert_serial_no=facts["serial_no"], appid=facts["appid"], apiv3_key=facts["api_v3_key"],
        notify_url=ear.url, public_key=facts["public_key"], public_key_id=facts["key_id"],
    )
    merchant._core._gate_way = url
    ear.merchant = merchant
    return merchant


def yes(answer):
    status, text = answer
    assert status == 200, answer
    return json.loads(text)


def no(answer):
    status, text = answer
    assert status >= 400, answer
    return json.loads(text)["code"]


def press(address, **form):
    body = urllib.parse.urlencode({"action": "pay", **form}).encode()
    urllib.request.urlopen(address, data=body).close()


def check_payment(merchant, ear):
    """Paid by a code, reported, asked for, paid back in part."""
    code = yes(merchant.pay("充电 3号插座", "PEER11", MONEY, settle_info={"profit_sharing": True}))["code_url"]
    assert yes(merchant.query(out_trade_no="PEER11"))["trade_state"] == "NOTPAY"
    press(code)
    event, told = ear.heard()
    assert (event, told["out_trade_no"]) == ("TRANSACTION.SUCCESS", "PEER11")
    number = told["transaction_id"]
    assert yes(merchant.query(transaction_id=number))["trade_state"] == "SUCCESS"
    assert no(merchant.pay("充电 3号插座", "PEER11", MONEY)) == "ORDERPAID"
    assert no(merchant.close("PEER11")) == "ORDERPAID"
    amount = {"refund": 300, **MONEY}
    assert yes(merchant.refund("R11", amount, out_trade_no="PEER11"))["status"] == "PROCESSING"
    event, told = ear.heard()
    assert (event, told["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert yes(merchant.query_refund("R11"))["status"] == "SUCCESS"
    assert no(merchant.refund("R12", amount, out_trade_no="PEER11")) == "INVALID_REQUEST"
    return number


def check_sharing(merchant, number):
    """Names that the library encrypts are read; what is kept back is let go."""
    added = yes(merchant.profitsharing_add_receiver("MERCHANT_ID", "1900000109", "PARTNER", name="物业公司"))
    assert added["account"] == "1900000109"
    assert yes(merchant.profitsharing_amount_query(number))["unsplit_amount"] == 200
    yes(merchant.profitsharing_unfreeze(number, "S11", "解冻"))
    assert yes(merchant.profitsharing_amount_query(number))["unsplit_amount"] == 0


def check_score(merchant, facts, ear):
    """A hold by the two-wheeler form, of which a part is taken."""
    wanted = {
        "out_order_no": "SCORE11", "appid": facts["appid"], "service_id": facts["service_id"],
        "service_introduction": "两轮车充电", "time_range": {"start_time": "OnAccept"},
        "risk_fund": {"name": "ESTIMATE_ORDER_COST", "amount": 1000},
        "post_payments": [{"name": "收费标准", "description": "1元/小时"}],
        "need_user_confirm": True, "notify_url": ear.url,
    }
    path = "/v3/payscore/serviceorder"
    # The library's own call knows no device, which this form demands.
    assert no(merchant._core.request(path, RequestType.POST, data=wanted)) == "PARAM_ERROR"
    wanted["device"] = {"start_device_id": "D1"}
    package = yes(merchant._core.request(path, RequestType.POST, data=wanted))["package"]
    press(facts["business_view_url"], package=package)
    assert ear.heard()[1]["state_description"] == "USER_CONFIRM"
    items = [
        {"name": "收费标准", "amount": 300, "description": "1元/小时"},
        {"name": "使用时长", "description": "3小时"},
    ]
    end = {"end_time": "20261122090000"}
    yes(merchant.payscore_complete("SCORE11", facts["service_id"], items, 300, time_range=end))
    event, told = ear.heard()
    assert (event, told["state"]) == ("PAYSCORE.USER_PAID", "DONE")
    number = told["collection"]["details"][0]["transaction_id"]
    amount = {"refund": 100, "total": 300, "currency": "CNY"}
    yes(merchant.payscore_refund(number, "R13", amount))
    assert ear.heard()[1]["out_refund_no"] == "R13"
    assert yes(merchant.payscore_query(facts["service_id"], out_order_no="SCORE11"))["total_amount"] == 300


def check_certificates(merchant):
    """The platform's certificate is opened by the library, and verifies what is signed with it."""
    core = merchant._core
    core._update_certificates()
    [certificate] = core._certificates
    core._public_key_id = None
    serial = f"{certificate.serial_number:X}"
    path = f"/v3/pay/transactions/out-trade-no/PEER11?mchid={core._mchid}"
    yes(core.request(path, headers={"Wechatpay-Serial": serial}))


def check_merchant(url, facts):
    ear = Ear()
    merchant = merchant_of(url, facts, ear)
    number = check_payment(merchant, ear)
    check_sharing(merchant, number)
    check_score(merchant, facts, ear)
    check_certificates(merchant)
    forged = base64.b64encode(bytes(256)).decode()
    assert no(merchant._core.request(
        "/v3/profitsharing/receivers/add", RequestType.POST,
        data={"type": "PERSONAL_OPENID", "account": "o2", "name": forged, "relation_type": "PARTNER"},
        headers={"Wechatpay-Serial": facts["key_id"]},
    )) == "PARAM_ERROR"
    ear.server.shutdown()
