// Opens Alipay's own cashier for a trade made by our server. Whether it is paid is never taken
// from here: the order's page asks the server.

const button = document.getElementById("cashier");

function pay() {
  const tradeNO = button.dataset.tradeNo;
  const then = () => location.replace(button.dataset.then);
  if (window.my && window.my.tradePay) {
    window.my.tradePay({ tradeNO, complete: then });
  } else if (window.AlipayJSBridge) {
    window.AlipayJSBridge.call("tradePay", { tradeNO }, then);
  }
}

button.addEventListener("click", pay);
if (window.AlipayJSBridge || (window.my && window.my.tradePay)) {
  pay();
} else {
  document.addEventListener("AlipayJSBridgeReady", pay, { once: true });
}
