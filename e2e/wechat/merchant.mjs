// wechatpay-axios-plugin as a merchant of the simulated platform: what the library signs is taken,
// and what the platform answers and reports the library believes and opens.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import wechatpay from "wechatpay-axios-plugin";

const { Wechatpay, Rsa, Formatter, Aes: { AesGcm } } = wechatpay;

/** Pays, refunds, closes, shares and holds; how many things were as they should be. */
export async function merchantAgrees(url, facts) {
  let checks = 0;
  const same = (left, right, what) => { assert.deepEqual(left, right, what); checks += 1; };
  const wx = new Wechatpay({
    mchid: facts.mchid, serial: facts.serial_no, privateKey: facts.private_key,
    certs: { [facts.key_id]: facts.public_key }, baseURL: `${url}/` });
  const ear = await listen(facts);
  const refusal = async (promise) => {
    const { response } = await promise.then(() => assert.fail("not refused"), (error) => error);
    return [response.status, response.data.code];
  };
  const order = (number, more = {}) => ({
    appid: facts.appid, mchid: facts.mchid, description: "充电 3号插座", out_trade_no: number, notify_url: ear.url,
    amount: { total: 500, currency: "CNY" }, settle_info: { profit_sharing: true }, ...more });
  const scene_info = { payer_client_ip: "127.0.0.1", h5_info: { type: "Wap" } };
  const query = { params: { mchid: facts.mchid } };
  const press = async (cashier) => {
    const form = new URLSearchParams({ action: "pay" });
    await fetch(cashier, { method: "POST", body: form, redirect: "manual" });
  };

  // Three products, each with its way to the cashier.
  const jsapi = await wx.chain("v3/pay/transactions/jsapi").post(order("PEER01", { payer: { openid: "o1" } }));
  const h5 = await wx.chain("v3/pay/transactions/h5").post(order("PEER02", { scene_info }));
  const native = await wx.chain("v3/pay/transactions/native").post(order("PEER03"));
  const call = { appId: facts.appid, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: `prepay_id=${jsapi.data.prepay_id}` };
  const paySign = Rsa.sign(Formatter.joinedByLineFeed(...Object.values(call)), facts.private_key);
  const bridge = (params) => fetch(`${facts.bridge_url}?${new URLSearchParams(params)}`, { redirect: "manual" });
  same((await bridge({ ...call, signType: "RSA", paySign, nonceStr: "other" })).status, 400, "another's paySign");
  const cashiers = [
    await bridge({ ...call, signType: "RSA", paySign }),
    await fetch(h5.data.h5_url, { redirect: "manual" }),
  ].map((answer) => new URL(answer.headers.get("location"), url).href);
  for (const [nth, cashier] of [...cashiers, native.data.code_url].entries()) {
    const number = `PEER0${nth + 1}`;
    const path = `v3/pay/transactions/out-trade-no/${number}`;
    same((await wx.chain(path).get(query)).data.trade_state, "NOTPAY");
    await press(cashier);
    const { event_type: event, told } = await ear.heard();
    same([event, told.out_trade_no, told.trade_state], ["TRANSACTION.SUCCESS", number, "SUCCESS"]);
    same((await wx.chain(path).get(query)).data.transaction_id, told.transaction_id);
  }
  same(await refusal(wx.chain("v3/pay/transactions/native").post(order("PEER03"))), [400, "ORDERPAID"]);
  same(await refusal(wx.chain("v3/pay/transactions/native").post(order("PEER04", { amount: { total: 0 } }))), [400, "PARAM_ERROR"]);
  await wx.chain("v3/pay/transactions/native").post(order("PEER05"));
  same((await wx.chain("v3/pay/transactions/out-trade-no/PEER05/close").post({ mchid: facts.mchid })).status, 204);
  same(await refusal(wx.chain("v3/pay/transactions/out-trade-no/NONE01").get(query)), [404, "ORDER_NOT_EXIST"]);

  // Refunds: once for each number, reported when they are done.
  const refund = (number, amount) => wx.chain("v3/refund/domestic/refunds").post({
    out_trade_no: "PEER01", out_refund_no: number, notify_url: ear.url, amount: { refund: amount, total: 500, currency: "CNY" } });
  const first = await refund("R1", 300);
  same(first.data.status, "PROCESSING");
  same((await refund("R1", 300)).data.refund_id, first.data.refund_id);
  const back = await ear.heard();
  same([back.event_type, back.told.out_refund_no, back.told.refund_status], ["REFUND.SUCCESS", "R1", "SUCCESS"]);
  same((await wx.chain("v3/refund/domestic/refunds/R1").get()).data.status, "SUCCESS");
  same(await refusal(refund("R2", 201)), [400, "INVALID_REQUEST"]);

  // Sharing: a name for the platform alone, and what is kept back let go.
  const sealed = { headers: { "Wechatpay-Serial": facts.key_id } };
  const receiver = { appid: facts.appid, type: "PERSONAL_OPENID", account: "o2", name: Rsa.encrypt("张三", facts.public_key), relation_type: "PARTNER" };
  same((await wx.chain("v3/profitsharing/receivers/add").post(receiver, sealed)).data.account, "o2");
  const unreadable = { ...receiver, name: Buffer.alloc(256).toString("base64") };
  same(await refusal(wx.chain("v3/profitsharing/receivers/add").post(unreadable, sealed)), [400, "PARAM_ERROR"]);
  const { transaction_id: id } = (await wx.chain("v3/pay/transactions/out-trade-no/PEER02").get(query)).data;
  const kept = async () => (await wx.chain(`v3/profitsharing/transactions/${id}/amounts`).get()).data.unsplit_amount;
  same(await kept(), 500);
  const part = { type: "PERSONAL_OPENID", account: "o2", amount: 100, description: "分账" };
  const share = { appid: facts.appid, transaction_id: id, out_order_no: "S1", receivers: [part], unfreeze_unsplit: true };
  same(await refusal(wx.chain("v3/profitsharing/orders").post(share)), [400, "INVALID_REQUEST"], "not within a minute");
  await wx.chain("v3/profitsharing/orders/unfreeze").post({ transaction_id: id, out_order_no: "S2", description: "解冻" });
  same(await kept(), 0);

  // Pay score by the two-wheeler form.
  const ours = { appid: facts.appid, service_id: facts.service_id };
  const created = await wx.chain("v3/payscore/serviceorder").post({
    ...ours, out_order_no: "SCORE1", service_introduction: "两轮车充电", time_range: { start_time: "OnAccept" },
    risk_fund: { name: "ESTIMATE_ORDER_COST", amount: 1000 }, post_payments: [{ name: "收费标准", description: "1元/小时" }],
    device: { start_device_id: "D1" }, need_user_confirm: true, notify_url: ear.url });
  const view = { mch_id: facts.mchid, nonce_str: Formatter.nonce(), package: created.data.package, sign_type: "HMAC-SHA256", timestamp: `${Formatter.timestamp()}` };
  const text = Formatter.queryStringLike(Formatter.ksort(view));
  const sign = createHmac("sha256", facts.api_v2_key).update(`${text}&key=${facts.api_v2_key}`).digest("hex").toUpperCase();
  const page = (params) => fetch(`${facts.business_view_url}?${new URLSearchParams(params)}`);
  same([(await page({ ...view, sign })).status, (await page({ ...view, nonce_str: "x", sign })).status], [200, 400]);
  await fetch(facts.business_view_url, { method: "POST", body: new URLSearchParams({ package: view.package, action: "pay" }) });
  same((await ear.heard()).told.state_description, "USER_CONFIRM");
  await wx.chain("v3/payscore/serviceorder/SCORE1/complete").post({
    ...ours, total_amount: 300, time_range: { end_time: "20261122090000" },
    post_payments: [{ name: "收费标准", amount: 300, description: "1元/小时" }, { name: "使用时长", description: "3小时" }] });
  const paid = await ear.heard();
  same([paid.event_type, paid.told.state, paid.told.collection.paid_amount], ["PAYSCORE.USER_PAID", "DONE", 300]);

  same(await refusal(wx.chain("v3/bill/tradebill").get({ params: { bill_date: "2030-01-01" } })), [400, "PARAM_ERROR"]);
  const stranger = new Wechatpay({
    mchid: facts.mchid, serial: facts.serial_no, privateKey: facts.private_key,
    certs: { [facts.key_id]: Rsa.fromSpki(facts.stranger) }, baseURL: `${url}/` });
  await assert.rejects(stranger.chain("v3/pay/transactions/out-trade-no/PEER01").get(query), "another key's answers");
  ear.close();
  return checks + 1;
}

/** A callback endpoint made of the library: it verifies, opens and keeps what it hears. */
async function listen(facts) {
  const heard = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => {
      const header = (name) => request.headers[`wechatpay-${name}`];
      const text = Formatter.response(header("timestamp"), header("nonce"), body);
      assert.equal(header("serial"), facts.key_id);
      assert.ok(Rsa.verify(text, header("signature"), facts.public_key), "a callback's signature");
      const { event_type, resource: { nonce, ciphertext, associated_data } } = JSON.parse(body);
      heard.push({ event_type, told: JSON.parse(AesGcm.decrypt(ciphertext, facts.api_v3_key, nonce, associated_data)) });
      server.emit("heard");
      response.writeHead(204).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/told`,
    heard: async () => {
      if (heard.length === 0) await once(server, "heard", { signal: AbortSignal.timeout(20_000) });
      return heard.shift();
    },
    close: () => server.close(),
  };
}
