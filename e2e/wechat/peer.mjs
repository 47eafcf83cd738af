// Somebody else's Node library for WeChat Pay against our adapter and our callback endpoint.
//
//   cargo build -p server --example wechat_peer
//   (cd e2e && npm ci)
//   node e2e/wechat/peer.mjs [PATH/TO/wechat_peer [DATABASE_URL]]
//
// Run at the repository's root; the default path is target/debug/examples/wechat_peer. The database must
// be empty. Needs no network. Exits non-zero at the first thing that is not as it should be.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import http from "node:http";
import { createInterface } from "node:readline";
import wechatpay from "wechatpay-axios-plugin";
import { merchantAgrees } from "./merchant.mjs";

const { Wechatpay, Rsa, Formatter, Aes: { AesGcm } } = wechatpay;

const binary = process.argv[2] ?? "target/debug/examples/wechat_peer";
const server = spawn(binary, process.argv.slice(3, 4), { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => server.kill());
const facts = await new Promise((resolve, reject) => {
  createInterface({ input: server.stdout }).once("line", (line) => resolve(JSON.parse(line)));
  server.once("error", reject);
  server.once("exit", (code) => reject(new Error(`wechat_peer ended with ${code}`)));
});

const platformKey = Rsa.fromPkcs8(facts.platform_private_key);
const merchantKey = Rsa.fromPkcs8(facts.merchant_private_key);
const merchantPublic = Rsa.fromSpki(facts.merchant_public_key);
let checks = 0;
const check = (holds, what) => { assert.ok(holds, what); checks += 1; };
const same = (left, right, what) => { assert.deepEqual(left, right, what); checks += 1; };
const told = async () => (await fetch(`${facts.url}/peer/told`)).json();
const seconds = () => Math.floor(Date.now() / 1000);

/** What the platform's headers are for a body; signed by the library. */
const signed = (body, { key = platformKey, serial = facts.key_id, at = seconds() } = {}) => {
  const nonce = Formatter.nonce();
  return {
    "content-type": "application/json", "wechatpay-timestamp": `${at}`, "wechatpay-nonce": nonce,
    "wechatpay-serial": serial, "wechatpay-signature": Rsa.sign(Formatter.response(`${at}`, nonce, body), key) };
};

/** Whether the library takes a request of ours as the merchant's. */
const requestIsSigned = (request, body, target = request.url) => {
  const pairs = Object.fromEntries([...request.headers.authorization.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  return request.headers.authorization.startsWith("WECHATPAY2-SHA256-RSA2048 ")
    && pairs.mchid === facts.mchid && pairs.serial_no === facts.serial_no
    && Math.abs(pairs.timestamp - seconds()) < 300
    && Rsa.verify(Formatter.request(request.method, target, pairs.timestamp, pairs.nonce_str, body), pairs.signature, merchantPublic);
};

// 1. A gateway made of the library takes the adapter's calls; its answers are believed only when
//    the library's signature fits.
const seen = [];
let reply;
const gateway = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    seen.push({
      call: `${request.method} ${request.url.split("?")[0]}`, body: body && JSON.parse(body),
      signed: requestIsSigned(request, body),
      tampered: requestIsSigned(request, `${body} `) || requestIsSigned(request, body, `${request.url}x`) });
    const { status = 200, text, headers } = reply(request.url);
    response.writeHead(status, headers ?? signed(text)).end(text);
  });
}).listen(0, "127.0.0.1");
await new Promise((resolve) => gateway.once("listening", resolve));
const base = `http://127.0.0.1:${gateway.address().port}/below`;
const call = async (deed, id, more = {}) => {
  const query = new URLSearchParams({ deed, id, gateway: base, ...more });
  return (await (await fetch(`${facts.url}/peer/call?${query}`)).json()).answer;
};
const answering = (content, status = 200) => { const text = JSON.stringify(content); reply = () => ({ status, text }); };
const trade = (number, more = {}) => ({
  appid: facts.appid, mchid: facts.mchid, out_trade_no: number, transaction_id: "42001", trade_type: "JSAPI",
  trade_state: "SUCCESS", success_time: "2026-11-22T08:00:00+08:00", payer: { openid: "open-1" },
  amount: { total: 500, payer_total: 500, currency: "CNY" }, attach: "\"sign\": { 充", ...more });
{
  answering({ prepay_id: "wx201410272009395522657a690389285100" });
  const params = JSON.parse(JSON.parse((await call("jsapi", "K1")).match(/Bridge\((".*")\)/)[1]));
  const text = Formatter.joinedByLineFeed(params.appId, params.timeStamp, params.nonceStr, params.package);
  check(Rsa.verify(text, params.paySign, merchantPublic), "paySign");
  check(!Rsa.verify(text.replace("wx2014", "wx2015"), params.paySign, merchantPublic), "paySign covers the package");
  same([params.signType, params.package], ["RSA", "prepay_id=wx201410272009395522657a690389285100"]);

  answering({ h5_url: "https://wx.tenpay.com/cgi-bin/h5?prepay_id=wx1&package=2" });
  const address = new URL((await call("h5", "K1")).match(/Redirect\("(.*)"\)/)[1]);
  same(address.searchParams.get("redirect_url"), "http://127.0.0.1/orders/1?a=b&c=充");
  answering({ code_url: "weixin://wxpay/bizpayurl?pr=1" });
  same(await call("native", "K1"), 'Ok(Code("weixin://wxpay/bizpayurl?pr=1"))');

  answering({ package: "AAQTRUgDwg==", state: "CREATED" });
  const view = new URLSearchParams((await call("hold", "K1")).match(/ScoreView\("(.*)"\)/)[1]);
  const { sign, ...pairs } = Object.fromEntries(view);
  const line = `${Formatter.queryStringLike(Formatter.ksort(pairs))}&key=${facts.api_v2_key}`;
  same(sign, createHmac("sha256", facts.api_v2_key).update(line).digest("hex").toUpperCase());

  answering(trade("K2"));
  check((await call("query", "K2")).startsWith("Ok(Paid("), "a signed answer is believed");
  check((await call("query", "K3")).startsWith("Err(Unknown("), "an answer about another trade is not");
  const text2 = JSON.stringify(trade("K2"));
  for (const [what, headers] of Object.entries({
    tampered: signed(text2.replace("500", "501")), unsigned: {}, old: signed(text2, { at: seconds() - 310 }),
    "a stranger's": signed(text2, { key: merchantKey }), "of unknown serial": signed(text2, { serial: "PUB_KEY_ID_1" }) })) {
    reply = () => ({ text: text2, headers });
    check((await call("query", "K2")).startsWith("Err(Unknown("), `an answer that is ${what} is not`);
  }
  answering({ code: "ORDER_NOT_EXIST", message: "" }, 404);
  same(await call("query", "K2"), "Ok(Unknown)");
  answering({ code: "NOT_ENOUGH", message: "" }, 403);
  check((await call("refund", "K2")).startsWith("Err(No {"), "a refusal");
  answering({ out_trade_no: "K2", out_refund_no: "K2R", status: "SUCCESS", amount: { refund: 100, total: 500 } });
  same([await call("refund", "K2"), await call("refund_done", "K2")], ["Ok(())", "Ok(true)"]);
  reply = () => ({ status: 204, text: "" });
  same(await call("close", "K2"), "Ok(())");

  answering({ account: "1900000109" });
  same(await call("bind", "1900000109"), "Ok(())");
  same(Rsa.decrypt(seen.at(-1).body.name, platformKey), "物业公司", "names are for the platform alone");
  check(seen.every((one) => one.signed), "every call is signed");
  check(!seen.some((one) => one.tampered), "and its body and path are covered");
}

// 2. Callbacks sealed and signed by the library are taken; forged, foreign and wrong ones are not.
{
  const sealed = (event, kind, content, { aad = kind, key = facts.api_v3_key } = {}) => {
    const nonce = randomBytes(6).toString("hex");
    const ciphertext = AesGcm.encrypt(JSON.stringify(content), key, nonce, aad);
    return JSON.stringify({
      id: `E-${nonce}`, create_time: "2026-11-22T08:00:00+08:00", resource_type: "encrypt-resource", event_type: event,
      summary: "支付成功", resource: { original_type: kind, algorithm: "AEAD_AES_256_GCM", ciphertext, associated_data: aad, nonce } });
  };
  const post = async (body, headers = signed(body)) =>
    (await fetch(`${facts.url}/notify/wechat`, { method: "POST", body, headers })).status;
  const good = sealed("TRANSACTION.SUCCESS", "transaction", trade("K4"));
  for (let delivery = 0; delivery < 3; delivery += 1) same(await post(good), 204);
  same(await post(sealed("TRANSACTION.SUCCESS", "transaction", trade("K4"), { aad: "" })), 204);
  const refund = { mchid: facts.mchid, out_trade_no: "K4", out_refund_no: "K4R", refund_status: "SUCCESS", amount: { total: 500, refund: 100 } };
  same(await post(sealed("REFUND.SUCCESS", "refund", refund)), 204);
  const before = await told();
  check(before.includes("K4 Success") && before.at(-1) === "K4R back", before.join());
  for (const [name, value] of Object.entries({
    mchid: "1", appid: "1", out_trade_no: "unknown", trade_state: "NOTPAY", amount: { total: 501, currency: "CNY" } })) {
    same(await post(sealed("TRANSACTION.SUCCESS", "transaction", trade("K4", { [name]: value }))), 400, `signed, but ${name}`);
  }
  same(await post(sealed("TRANSACTION.SUCCESS", "transaction", trade("K4"), { key: "0".repeat(32) })), 400, "another's seal");
  same(await post(good, signed(good, { key: merchantKey })), 401, "our own key");
  same(await post(good, signed(good, { at: seconds() - 310 })), 401, "too old");
  same(await post(good, signed(`${good} `)), 401, "tampered");
  const probe = signed(good);
  probe["wechatpay-signature"] = `WECHATPAY/SIGNTEST/${probe["wechatpay-signature"]}`;
  same(await post(good, probe), 401, "a probe");
  same(await post(good, {}), 401, "unsigned");
  same(await told(), before, "nothing changed");
  const ours = await (await fetch(`${facts.url}/peer/seal`)).json();
  same(AesGcm.decrypt(ours.ciphertext, facts.api_v3_key, ours.nonce, ours.associated_data), "密封 sealed");
}

// 3. The library as a merchant of the same gateway: it takes what our adapter takes.
{
  const wx = new Wechatpay({
    mchid: facts.mchid, serial: facts.serial_no, privateKey: merchantKey,
    certs: { [facts.key_id]: Rsa.fromSpki(facts.platform_public_key) }, baseURL: `${base.replace("/below", "")}/` });
  answering(trade("K5"));
  const query = { params: { mchid: facts.mchid } };
  same((await wx.v3.pay.transactions.outTradeNo.$K5$.get(query)).data.trade_state, "SUCCESS");
  check(seen.at(-1).signed, "the gateway's check takes the library's requests");
  const text = JSON.stringify(trade("K5"));
  reply = () => ({ text, headers: signed(`${text} `) });
  await assert.rejects(wx.v3.pay.transactions.outTradeNo.$K5$.get(query));
}

// 4. The library as a merchant of the simulated platform.
checks += await merchantAgrees(facts.url, { ...facts.simulated, stranger: facts.merchant_public_key });

console.log(`wechatpay-axios-plugin agrees: ${checks} checks`);
server.removeAllListeners("exit");
gateway.close();
process.exit(0);
