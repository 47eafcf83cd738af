// Opens WeChat's own cashier for a payment made by our server. Whether it is paid is never taken
// from here: the order's page asks the server.

const button = document.getElementById("cashier");
const { params, score, then: after } = button.dataset;

// A mini-program's web-view cannot pay; the shell's own page can, and comes back here.
const PAY_PAGE = "/pages/pay/pay";

function payInPage() {
  const [name, given] = score
    ? ["openBusinessView", { businessType: "wxpayScoreUse", queryString: score }]
    : ["getBrandWCPayRequest", JSON.parse(params)];
  window.WeixinJSBridge.invoke(name, given, () => location.replace(after));
}

function pay() {
  const shell = window.wx && window.wx.miniProgram;
  if (shell) {
    const given = score ? `score=${encodeURIComponent(score)}` : `params=${encodeURIComponent(params)}`;
    shell.navigateTo({ url: `${PAY_PAGE}?${given}` });
  } else if (window.WeixinJSBridge) {
    payInPage();
  }
}

button.addEventListener("click", pay);
if (window.WeixinJSBridge || (window.wx && window.wx.miniProgram)) {
  pay();
} else {
  document.addEventListener("WeixinJSBridgeReady", pay, { once: true });
}
