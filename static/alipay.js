// Opens Alipay's own cashier for a trade or a hold made by our server. Whether it is paid or held is
// never taken from here: the order's page asks the server.

const button = document.getElementById("cashier");

function pay() {
  const { tradeNo, orderString, then: after } = button.dataset;
  const trade = orderString ? { orderStr: orderString } : { tradeNO: tradeNo };
  const then = () => location.replace(after);
  if (window.my && window.my.tradePay) {
    window.my.tradePay(Object.assign({ complete: then }, trade));
  } else if (window.AlipayJSBridge) {
    window.AlipayJSBridge.call("tradePay", trade, then);
  }
}

button.addEventListener("click", pay);
if (window.AlipayJSBridge || (window.my && window.my.tradePay)) {
  pay();
} else {
  document.addEventListener("AlipayJSBridgeReady", pay, { once: true });
}
