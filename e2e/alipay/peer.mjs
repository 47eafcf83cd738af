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

const call = async (deed, id, gateway) => {
  const query = new URLSearchParams({ deed, id, ...(gateway && { gateway }) });
  return (await (await fetch(`${facts.url}/peer/call?${query}`)).json()).answer;
};
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
    "alipay.system.oauth.token", "alipay.trade.close", "alipay.trade.create",
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

console.log(`alipay-sdk agrees: ${checks} checks`);
server.removeAllListeners("exit");
process.exit(0);
