const { SERVICE } = require("../../config");
const { pathOf, entry } = require("../../link");

Page({
  data: { src: "" },

  onLoad() { this.open(); },

  open() {
    const path = pathOf(getApp().link);
    const open = (ticket) => this.setData({ src: entry(path, ticket) });
    my.getAuthCode({
      scopes: "auth_base",
      success: ({ authCode }) => my.request({
        url: `${SERVICE}/api/v1/tickets`,
        method: "POST",
        headers: { "content-type": "application/json" },
        data: JSON.stringify({ channel: "alipay", code: authCode }),
        dataType: "json",
        success: ({ status, data }) => open(status === 201 ? data.ticket : ""),
        fail: () => open(""),
      }),
      fail: () => open(""),
    });
  },
});
