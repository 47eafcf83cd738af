// A warm start brings the scanned link here again.
App({
  link: "",
  onLaunch(options) { this.take(options); },
  onShow(options) { this.take(options); },
  take(options) {
    const link = options && options.query && options.query.qrCode;
    if (!link) return;
    this.link = decodeURIComponent(link);
    const [page] = getCurrentPages();
    if (page) page.open();
  },
});
