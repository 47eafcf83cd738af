const { SERVICE } = require("../../config");
const { pathOf, entry } = require("../../link");

Page({
  data: { src: "" },

  onLoad(query) {
    const path = pathOf(decodeURIComponent(query.q || ""));
    const open = (ticket) => this.setData({ src: entry(path, ticket) });
    wx.login({
      success: ({ code }) => wx.request({
        url: `${SERVICE}/api/v1/tickets`,
        method: "POST",
        data: { channel: "wechat", code },
        success: ({ statusCode, data }) => open(statusCode === 201 ? data.ticket : ""),
        fail: () => open(""),
      }),
      fail: () => open(""),
    });
  },
});
