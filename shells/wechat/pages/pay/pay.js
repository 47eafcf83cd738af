// Opens WeChat's cashier with what the page in the web-view hands over, and goes back to it. Whether
// it is paid, that page asks the server.
Page({
  onLoad(query) {
    const { timeStamp, nonceStr, package: prepay, signType, paySign } = JSON.parse(decodeURIComponent(query.params));
    wx.requestPayment({
      timeStamp, nonceStr, package: prepay, signType, paySign,
      complete: () => wx.navigateBack(),
    });
  },
});
