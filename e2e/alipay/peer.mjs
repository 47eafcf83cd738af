// Alipay's own Node library against our adapter, our notify endpoint and our simulated platform.
//
//   cargo build -p server --example alipay_peer
//   (cd e2e && npm ci)
//   TZ=Asia/Shanghai node e2e/alipay/peer.mjs [PATH/TO/alipay_peer [DATABASE_URL]]
//
// Run at the repository's root; the default path is target/debug/examples/alipay_peer. The database must
// be empty. Needs no network. Exits non-zero at the first thing that is not as it should be.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSign } from "node:crypto";
import http from "node:http";
import { createInterface } from "node:readline";
import { AlipaySdk } from "alipay-sdk";

const binary = process.argv[2] ?? "target/debug/examples/alipay_peer";
const server = spawn(binary, process.argv.slice(3, 4), { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => server.kill());
const facts = await new Promise((resolve, reject) => {
  createInterface({ input: server.stdout }).once("line", (line) => resolve(JSON.parse(line)));
  server.once("error", reject);
  server.once("exit", (code) => reject(new Error(`alipay_peer ended with ${code}`)));
});

const pem = (kind, base64) => `-----BEGIN ${kind}-----\n${base64.match(/.{1,64}/g).join("\n")}\n-----END ${kind}-----\n`;
const alipayKey = pem("PRIVATE KEY", facts.alipay_private_key);
const sdkWith = (alipayPublicKey, gateway = facts.gateway) =>
  new AlipaySdk({ appId: facts.app_id, privateKey: facts.merchant_private_key, keyType: "PKCS8", alipayPublicKey, gateway });
/** Knows the merchant's public key in Alipay's place, so that its checks verify our requests. */
const asAlipay = sdkWith(facts.merchant_public_key);
const merchant = sdkWith(facts.alipay_public_key);

const call = async (deed, id, gateway, more = {}) => {
  const query = new URLSearchParams({ deed, id, ...(gateway && { gateway }), ...more });
  return (await (await fetch(`${facts.url}/peer/call?${query}`)).json()).answer;
};
/** Changes the simulated platform; how often a certificate was asked for. */
const set = async (what) => (await fetch(`${facts.url}/peer/set?${new URLSearchParams(what)}`)).json();
const press = (path, action = "pay") => fetch(`${facts.url}${path}`, {
  method: "POST", body: new URLSearchParams({ action }), redirect: "manual", headers: { cookie: "demo_alipay_buyer=open-1" } });
const told = async () => (await fetch(`${facts.url}/peer/told`)).json();
const signedText = (params, without) =>
  Object.keys(params).filter((name) => !without.includes(name) && params[name] !== "").sort()
    .map((name) => `${name}=${params[name]}`).join("&");
const sign = (text, key = alipayKey) => createSign("RSA-SHA256").update(text, "utf8").sign(key, "base64");
const requestIsSigned = (params) => asAlipay.rsaCheck(signedText(params, ["sign"]), params.sign);
let checks = 0;
const check = (holds, what) => { assert.ok(holds, what); checks += 1; };
const same = (left, right, what) => { assert.deepEqual(left, right, what); checks += 1; };

// 1. The address a browser is sent to is signed, and a change of any value is noticed.
{
  const address = new URL((await call("wap", "K1")).match(/Redirect\("(.*)"\)/)[1]);
  const params = Object.fromEntries(address.searchParams);
  check(requestIsSigned(params), "wap.pay is signed");
  for (const name of Object.keys(params).filter((name) => name !== "sign")) {
    check(!requestIsSigned({ ...params, [name]: `${params[name]}x` }), `wap.pay: ${name} is covered`);
  }
  const business = JSON.parse(params.biz_content);
  same(business.total_amount, "5.00");
  same(business.product_code, "QUICK_WAP_WAY");
  check(!/[/=&]/.test(business.subject), "subject");
  const minutes = (Date.parse(`${params.timestamp.replace(" ", "T")}+08:00`) - Date.now()) / 60_000;
  check(Math.abs(minutes) < 1, `timestamp is Beijing's: off by ${minutes} min`);
}

// 2. A gateway made of Alipay's own library takes the adapter's calls; its answers are believed
//    only when they are signed.
{
  const seen = [];
  let answer;
  const gateway = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => {
      const query = new URL(request.url, "http://localhost").searchParams;
      const params = Object.fromEntries([...query, ...new URLSearchParams(body)]);
      seen.push({ method: params.method, signed: requestIsSigned(params) });
      response.end(answer(params));
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => gateway.once("listening", resolve));
  const address = `http://127.0.0.1:${gateway.address().port}/gateway.do`;
  const envelope = (params, node, signature = sign(node)) =>
    `{"${params.method.replaceAll(".", "_")}_response":${node},"alipay_cert_sn":"x","sign":"${signature}"}`;
  const paid = (number) => JSON.stringify({
    code: "10000", msg: "Success \"sign\": {", trade_no: "T1", out_trade_no: number, trade_status: "TRADE_SUCCESS",
    total_amount: "5.00", send_pay_date: "2026-11-22 08:00:00", subject: "https://a/b" }).replaceAll("/", "\\/");
  answer = (params) => envelope(params, paid("K2"));
  check((await call("query", "K2", address)).startsWith("Ok(Paid("), "a signed answer is believed");
  check((await call("query", "K3", address)).startsWith("Err(Unknown("), "an answer about another trade is not");
  answer = (params) => envelope(params, paid("K2").replace("5.00", "0.01"), sign(paid("K2")));
  check((await call("query", "K2", address)).startsWith("Err(Unknown("), "a tampered answer is not");
  answer = (params) => `{"${params.method.replaceAll(".", "_")}_response":${paid("K2")}}`;
  check((await call("query", "K2", address)).startsWith("Err(Unknown("), "an unsigned answer is not");
  answer = (params) => envelope(params, '{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST"}');
  same(await call("query", "K2", address), "Ok(Unknown)");
  same(await call("close", "K2", address), "Ok(())");
  for (const deed of ["create", "refund", "refund_done", "login"]) await call(deed, "K2", address);
  same([...new Set(seen.map((one) => one.method))].sort(), [
    "alipay.fund.auth.operation.detail.query", "alipay.system.oauth.token", "alipay.trade.close", "alipay.trade.create",
    "alipay.trade.fastpay.refund.query", "alipay.trade.query", "alipay.trade.refund"]);
  check(seen.every((one) => one.signed), "every call is signed");
  gateway.close();
}

// 3. Notifies signed here are taken; forged, foreign and wrong ones are not.
{
  const good = {
    notify_id: "n1", notify_type: "trade_status_sync", notify_time: "2026-11-22 08:00:01", charset: "utf-8", version: "1.0",
    app_id: facts.app_id, seller_id: facts.seller_id, trade_no: "T4", out_trade_no: "K4", trade_status: "TRADE_SUCCESS",
    total_amount: "5.00", gmt_payment: "2026-11-22 08:00:00", buyer_open_id: "open-4", subject: "充电 100% + 1 & 2",
    passback_params: "", fund_bill_list: '[{"amount":"5.00","fundChannel":"PCREDIT"}]' };
  const signed = (params) => ({ ...params, sign_type: "RSA2", sign: sign(signedText(params, ["sign", "sign_type"])) });
  const post = async (params) => {
    const answer = await fetch(`${facts.url}/notify/alipay`, { method: "POST", body: new URLSearchParams(params) });
    same(answer.status, 200);
    return answer.text();
  };
  for (let delivery = 0; delivery < 3; delivery += 1) same(await post(signed(good)), "success");
  const bare = Object.fromEntries(Object.entries(signed(good)).filter(([, value]) => value !== ""));
  check(merchant.checkNotifySignV2({ ...bare }), "Alipay's library takes the same notify");
  const before = await told();
  check(before.length >= 1 && before.every((one) => one === "K4 Success"), before.join());
  for (const [name, value] of Object.entries({
    app_id: "1", seller_id: "1", total_amount: "5.01", out_trade_no: "unknown", trade_status: "X", trade_no: "" })) {
    same(await post(signed({ ...good, [name]: value })), "failure", `signed, but ${name}`);
    same(await post({ ...signed(good), [name]: value }), "failure", `tampered ${name}`);
  }
  same(await post({ ...good, sign_type: "RSA2", sign: sign(signedText(good, []), pem("PRIVATE KEY", facts.merchant_private_key)) }), "failure", "our own key");
  same(await post(good), "failure", "unsigned");
  same(await told(), before, "nothing changed");
  same(await post(signed({ ...good, notify_id: "n2", trade_status: "TRADE_CLOSED", refund_fee: "5.00", gmt_refund: "2026-11-22 09:00:00.000" })), "success");
  same(await told(), before, "a refund is no payment");
}

// 4. The library as a merchant of the simulated platform, verifying every answer.
{
  const exec = (method, bizContent) => merchant.exec(method, { bizContent, notifyUrl: `${facts.url}/notify/alipay` }, { validateSign: true });
  const created = await exec("alipay.trade.create", {
    out_trade_no: "K5", total_amount: "5.00", subject: "node", product_code: "JSAPI_PAY", op_app_id: facts.app_id, buyer_open_id: "open-5" });
  same([created.code, created.outTradeNo], ["10000", "K5"]);
  same((await exec("alipay.trade.query", { out_trade_no: "K5" })).tradeStatus, "WAIT_BUYER_PAY");
  const pay = await fetch(`${facts.url}/demo/alipay/cashier/${created.tradeNo}`, {
    method: "POST", body: new URLSearchParams({ action: "pay" }), redirect: "manual" });
  same(pay.status, 303);
  const queried = await exec("alipay.trade.query", { trade_no: created.tradeNo });
  same([queried.tradeStatus, queried.totalAmount, queried.buyerOpenId], ["TRADE_SUCCESS", "5.00", "open-5"]);
  const refund = { out_trade_no: "K5", refund_amount: "2.00", out_request_no: "R5" };
  same((await exec("alipay.trade.refund", refund)).fundChange, "Y");
  same((await exec("alipay.trade.refund", refund)).fundChange, "N");
  same((await exec("alipay.trade.refund", { ...refund, out_request_no: "R6", refund_amount: "3.01" })).subCode, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL");
  same((await exec("alipay.trade.fastpay.refund.query", { out_trade_no: "K5", out_request_no: "R5" })).refundStatus, "REFUND_SUCCESS");
  same((await exec("alipay.trade.close", { out_trade_no: "K5" })).subCode, "ACQ.TRADE_STATUS_ERROR");
  same((await exec("alipay.trade.query", { out_trade_no: "none" })).subCode, "ACQ.TRADE_NOT_EXIST");

  const address = merchant.pageExecute("alipay.trade.wap.pay", "GET", {
    returnUrl: "http://127.0.0.1/back", notifyUrl: `${facts.url}/notify/alipay`,
    bizContent: { out_trade_no: "K7", total_amount: "5.00", subject: "页面", product_code: "QUICK_WAP_WAY", quit_url: "http://127.0.0.1/quit" } });
  const page = await (await fetch(address)).text();
  check(page.includes("模拟收银台") && page.includes("¥5.00"), "the cashier's page");
  const refused = await fetch(address.replace("5.00", "0.01"), { redirect: "manual" });
  same(refused.status, 400, "a tampered page address");

  const uri = `${facts.url}/login`;
  const login = await fetch(`${facts.url}/demo/alipay/authorize?buyer=open-8&redirect_uri=${encodeURIComponent(uri)}`, { redirect: "manual" });
  const code = new URL(login.headers.get("location")).searchParams.get("auth_code");
  same((await merchant.exec("alipay.system.oauth.token", { grantType: "authorization_code", code }, { validateSign: true })).openId, "open-8");
}

/** A server that remembers what it is posted or asked for, and answers as told. */
const listen = async (answer) => {
  const seen = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => {
      const query = new URL(request.url, "http://localhost").searchParams;
      const params = Object.fromEntries([...query, ...new URLSearchParams(body)]);
      seen.push(params);
      response.end(answer(params));
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { seen, address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
};
const until = async (holds, what) => {
  for (let tries = 0; tries < 100 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  check(holds(), what);
};
const execAs = (sdk) => (method, bizContent) => sdk.exec(method, { bizContent }, { validateSign: true });

// 5. Holds: the adapter's order string is signed; the library holds, takes and lets go; both sides'
//    notifies are believed by the other.
{
  const ours = Object.fromEntries(new URLSearchParams((await call("freeze", "K20")).match(/OrderString\("(.*)"\)/)[1]));
  check(requestIsSigned(ours), "app.freeze is signed");
  const wanted = JSON.parse(ours.biz_content);
  same([wanted.deposit_product_mode, wanted.amount, wanted.product_code], ["POSTPAY_UNCERTAIN", "5.00", "PRE_AUTH_ONLINE"]);
  check(wanted.post_payments.every((one) => !("amount" in one)), "what it will cost is not known");
  for (const name of ["biz_content", "notify_url", "app_id"]) {
    check(!requestIsSigned({ ...ours, [name]: `${ours[name]}x` }), `app.freeze: ${name} is covered`);
  }

  const exec = execAs(merchant);
  const shop = await listen(() => "success");
  const freeze = (number, more) => merchant.sdkExecute("alipay.fund.auth.order.app.freeze", { notifyUrl: shop.address, bizContent: {
    out_order_no: number, out_request_no: number, order_title: "node", amount: "5.00", product_code: "PRE_AUTH_ONLINE",
    payee_user_id: facts.seller_id, deposit_product_mode: "POSTPAY_UNCERTAIN", post_payments: [{ name: "充电费" }], ...more } });
  const open = (orderStr) => fetch(`${facts.url}/demo/alipay/tradepay?${new URLSearchParams({ orderStr })}`, { redirect: "manual" });
  same((await open(freeze("K21"))).status, 303);
  same((await open(freeze("K22").replace("5.00", "0.01"))).status, 400, "a tampered order string");
  same((await open(freeze("K22", { post_payments: [{ name: "充电费", amount: "5.00" }] }))).status, 400, "an amount that is not known yet");
  await press("/demo/alipay/hold/K21");
  await until(() => shop.seen.length === 1, "the hold is told");
  const [notify] = shop.seen;
  same([notify.notify_type, notify.status, notify.amount, notify.payer_open_id], ["fund_auth_freeze", "SUCCESS", "5.00", "open-1"]);
  check(merchant.checkNotifySignV2({ ...notify }), "and the library believes it");
  check(!merchant.checkNotifySignV2({ ...notify, amount: "9.00" }), "but nothing else");

  const about = { out_order_no: "K21", out_request_no: "K21" };
  same((await exec("alipay.fund.auth.operation.detail.query", about)).orderStatus, "AUTHORIZED");
  const take = { out_trade_no: "K21", auth_no: notify.auth_no, auth_confirm_mode: "COMPLETE", product_code: "PRE_AUTH_ONLINE",
    total_amount: "2.30", subject: "node", seller_id: facts.seller_id, buyer_open_id: "open-1" };
  same((await exec("alipay.trade.pay", { ...take, total_amount: "5.01" })).subCode, "ACQ.AUTH_AMOUNT_NOT_ENOUGH");
  same((await exec("alipay.trade.pay", take)).totalAmount, "2.30");
  const after = await exec("alipay.fund.auth.operation.detail.query", about);
  same([after.orderStatus, after.restAmount, after.totalPayAmount], ["FINISH", "0.00", "2.30"]);
  same((await exec("alipay.fund.auth.order.unfreeze", {
    auth_no: notify.auth_no, out_request_no: "U21", amount: "1.00", remark: "late" })).subCode, "AUTH_ORDER_HAS_FINISHED");

  await open(freeze("K23"));
  same((await exec("alipay.fund.auth.operation.cancel", { out_order_no: "K23", out_request_no: "K23", remark: "no" })).action, "close");
  await open(freeze("K24"));
  await press("/demo/alipay/hold/K24");
  const held = await exec("alipay.fund.auth.operation.detail.query", { out_order_no: "K24", out_request_no: "K24" });
  const letGo = { auth_no: held.authNo, out_request_no: "U24", amount: "5.00", remark: "未产生费用" };
  for (let tries = 0; tries < 2; tries += 1) same((await exec("alipay.fund.auth.order.unfreeze", letGo)).status, "SUCCESS");
  await until(() => shop.seen.some((one) => one.notify_type === "fund_auth_unfreeze" && one.rest_amount === "0.00"), "letting go is told");
  check(shop.seen.every((one) => merchant.checkNotifySignV2({ ...one })), "the library believes all of them");
  shop.close();

  // A hold that the library reports is taken as one.
  const good = {
    notify_id: "h1", notify_type: "fund_auth_freeze", notify_time: "2026-11-22 08:00:01", charset: "utf-8", version: "1.0",
    app_id: facts.app_id, auth_no: "A25", out_order_no: "K25", out_request_no: "K25", operation_id: "O25", operation_type: "FREEZE",
    amount: "5.00", status: "SUCCESS", gmt_trans: "2026-11-22 08:00:00", payer_open_id: "open-1", payee_user_id: facts.seller_id,
    total_freeze_amount: "5.00", rest_amount: "5.00" };
  const signed = (params) => ({ ...params, sign_type: "RSA2", sign: sign(signedText(params, ["sign", "sign_type"])) });
  const post = async (params) => (await fetch(`${facts.url}/notify/alipay`, { method: "POST", body: new URLSearchParams(params) })).text();
  same(await post(signed(good)), "success");
  check((await told()).includes("K25 Success held"), "told as a hold");
  for (const [name, value] of Object.entries({ app_id: "1", payee_user_id: "2088", amount: "5.01", operation_type: "PAY", auth_no: "" })) {
    same(await post(signed({ ...good, [name]: value })), "failure", `signed, but ${name}`);
    same(await post({ ...signed(good), [name]: value }), "failure", `tampered ${name}`);
  }
}

// 6. Splits: the library binds, settles and takes back at our platform; our calls are signed, and
//    Alipay's own way to write an answer is understood.
{
  const exec = execAs(merchant);
  const payee = (nth) => `208800000000100${nth}`;
  const created = await merchant.exec("alipay.trade.create", { bizContent: {
    out_trade_no: "K30", total_amount: "5.00", subject: "node", product_code: "JSAPI_PAY", op_app_id: facts.app_id,
    buyer_open_id: "open-1", extend_params: { royalty_freeze: "true" } } }, { validateSign: true });
  await press(`/demo/alipay/cashier/${created.tradeNo}`);
  same((await exec("alipay.trade.order.onsettle.query", { trade_no: created.tradeNo })).unsettledAmount, "5.00");
  const part = (nth, amount) => ({ royalty_type: "transfer", trans_out: facts.seller_id, trans_out_type: "userId",
    trans_in: payee(nth), trans_in_type: "userId", amount, desc: "分账", royalty_scene: "平台服务费" });
  const settle = { out_request_no: "S30", trade_no: created.tradeNo, royalty_parameters: [part(1, "1.00"), part(2, "0.50")],
    extend_params: { royalty_finish: "true" } };
  same((await exec("alipay.trade.order.settle", settle)).subCode, "ACQ.ROYALTY_RECEIVER_INVALID");
  same((await exec("alipay.trade.royalty.relation.bind", { out_request_no: "B30", receiver_list: [
    { type: "userId", account: payee(1) }, { type: "userId", account: payee(2) }] })).resultCode, "SUCCESS");
  same((await exec("alipay.trade.order.settle", { ...settle, royalty_parameters: [part(1, "1.51")] })).subCode, "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR");
  const settled = await exec("alipay.trade.order.settle", settle);
  same(settled.tradeNo, created.tradeNo);
  same((await exec("alipay.trade.order.settle", settle)).settleNo, settled.settleNo, "the same again");
  const lines = (await exec("alipay.trade.order.settle.query", { out_request_no: "S30", trade_no: created.tradeNo })).royaltyDetailList;
  same(lines.map((line) => [line.transIn, line.amount, line.state]), [[payee(1), "1.00", "SUCCESS"], [payee(2), "0.50", "SUCCESS"]]);
  same((await exec("alipay.trade.order.onsettle.query", { trade_no: created.tradeNo })).unsettledAmount, "0.00");
  const whole = { out_trade_no: "K30", refund_amount: "5.00", out_request_no: "R30" };
  same((await exec("alipay.trade.refund", whole)).subCode, "ACQ.SELLER_BALANCE_NOT_ENOUGH");
  const back = (nth, amount) => ({ royalty_type: "transfer", trans_out: payee(nth), trans_out_type: "userId",
    trans_in: facts.seller_id, trans_in_type: "userId", amount, desc: "退分账" });
  same((await exec("alipay.trade.refund", { ...whole, refund_royalty_parameters: [back(1, "1.00"), back(2, "0.51")] })).subCode, "ACQ.REFUND_ROYALTY_AMT_ERROR");
  same((await exec("alipay.trade.refund", { ...whole, refund_royalty_parameters: [back(1, "1.00"), back(2, "0.50")] })).fundChange, "Y");

  let node = {};
  const gateway = await listen((params) => {
    const text = JSON.stringify({ code: "10000", msg: "Success", ...node });
    return `{"${params.method.replaceAll(".", "_")}_response":${text},"sign":"${sign(text)}"}`;
  });
  const ask = (deed, answer) => { node = answer; return call(deed, "K31", gateway.address, { no: "T31" }); };
  same(await ask("bind", { result_code: "SUCCESS" }), "Ok(()) Ok(())");
  check((await ask("bind", { result_code: "FAIL" })).startsWith("Err(Unknown("), "bound or not");
  same(await ask("split", { trade_no: "T31", settle_no: "1" }), "Ok(())");
  same(await ask("split_state", { royalty_detail_list: [
    { operation_type: "transfer", trans_in: payee(2), amount: 0.5, state: "FAIL", error_code: "TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH", error_desc: "分账余额不足" },
    { operation_type: "transfer", trans_in: "208800****001001", amount: "0.60", state: "SUCCESS" }] }),
  'Ok([Done, Failed("TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH 分账余额不足")])');
  same(await ask("split_state", { royalty_detail_list: [] }), "Ok([Pending, Pending])");
  same(await ask("take_back", { trade_no: "T31", fund_change: "Y" }), "Ok(())");
  check((await ask("take_back", { trade_no: "T32" })).startsWith("Err(Unknown("), "an answer about another trade");
  check(gateway.seen.every(requestIsSigned), "every call is signed");
  const sent = gateway.seen.find((one) => one.method === "alipay.trade.order.settle");
  same(JSON.parse(sent.biz_content).royalty_parameters.map((one) => one.amount), ["0.60", "0.50"]);
  gateway.close();
}

// 7. A day's bill: its address is signed, good for thirty seconds, and leads to a ZIP.
{
  const exec = execAs(merchant);
  const hour = 3_600_000;
  await set({ skew_ms: -20 * hour });
  const created = await exec("alipay.trade.create", { out_trade_no: "K40", total_amount: "5.00", subject: "账单",
    product_code: "JSAPI_PAY", op_app_id: facts.app_id, buyer_open_id: "open-1" });
  await press(`/demo/alipay/cashier/${created.tradeNo}`);
  await exec("alipay.trade.refund", { out_trade_no: "K40", refund_amount: "1.70", out_request_no: "R40" });
  const day = new Date(Date.now() - 12 * hour).toISOString().slice(0, 10);
  const about = { bill_type: "trade", bill_date: day };
  same((await exec("alipay.data.dataservice.bill.downloadurl.query", about)).subCode, "isp.bill_not_exist", "not yet");
  await set({ skew_ms: 14 * hour });
  const { billDownloadUrl } = await exec("alipay.data.dataservice.bill.downloadurl.query", about);
  const file = Buffer.from(await (await fetch(billDownloadUrl)).arrayBuffer());
  same(file.subarray(0, 2).toString(), "PK");
  const lines = await call("bill", day);
  check(lines.includes("Payment K40  500 3;") && lines.includes("Refund K40 R40 170 -1;"), lines);
  await set({ skew_ms: 14 * hour + 31_000 });
  same((await fetch(billDownloadUrl)).status, 403, "thirty seconds are over");
  await set({ skew_ms: 0 });
}

// 8. Certificate mode: both sides find the same numbers for the same certificates, and a renewed
//    certificate is fetched once.
{
  await set({ certificate: "first" });
  const certified = (more) => new AlipaySdk({ appId: facts.app_id, privateKey: facts.merchant_private_key, keyType: "PKCS8",
    gateway: facts.gateway, appCertContent: facts.app_cert, alipayRootCertContent: facts.root_cert,
    alipayPublicCertContent: facts.alipay_cert, ...more });
  const exec = execAs(certified({}));
  same((await exec("alipay.trade.query", { out_trade_no: "K5" })).code, "10000", "the library in certificate mode");
  await assert.rejects(() => execAs(merchant)("alipay.trade.query", { out_trade_no: "K5" }).then((node) => {
    assert.equal(node.subCode, "isv.invalid-app-cert-sn");
    throw new Error("refused");
  }));
  checks += 1;
  check((await call("query", "K5", undefined, { certified: true })).startsWith("Ok(Paid("), "the adapter in certificate mode");
  const downloads = await set({ certificate: "next" });
  for (let tries = 0; tries < 2; tries += 1) {
    check((await call("query", "K5", undefined, { certified: true })).startsWith("Ok(Paid("), "after a renewal");
  }
  same(await set({}), downloads + 1, "fetched once");
  const renewed = execAs(certified({ alipayPublicCertContent: facts.next_cert }));
  same((await renewed("alipay.trade.query", { out_trade_no: "K5" })).code, "10000", "the library with the new certificate");
  await assert.rejects(() => exec("alipay.trade.query", { out_trade_no: "K5" }), "the library with the old one");
  checks += 1;

  // The library in Alipay's place: our request verifies, and names what the library computes.
  const asCertified = certified({ privateKey: facts.merchant_private_key });
  const gateway = await listen((params) => {
    const text = JSON.stringify({ code: "10000", msg: "Success", trade_no: "T5", out_trade_no: "K5", trade_status: "WAIT_BUYER_PAY", total_amount: "5.00" });
    const nextKey = pem("PRIVATE KEY", facts.next_private_key);
    return `{"${params.method.replaceAll(".", "_")}_response":${text},"alipay_cert_sn":"${renewedSn}","sign":"${sign(text, nextKey)}"}`;
  });
  const renewedSn = certified({ alipayPublicCertContent: facts.next_cert }).config.alipayCertSn;
  same(await call("query", "K5", gateway.address, { certified: true }), "Ok(Waiting)");
  const [request] = gateway.seen;
  same([request.app_cert_sn, request.alipay_root_cert_sn], [asCertified.config.appCertSn, asCertified.config.alipayRootCertSn]);
  check(requestIsSigned(request), "a request in certificate mode is signed");
  gateway.close();
}

console.log(`alipay-sdk agrees: ${checks} checks`);
server.removeAllListeners("exit");
process.exit(0);
