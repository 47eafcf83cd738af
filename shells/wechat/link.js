const { SERVICE } = require("./config");

// The path behind a scanned link of ours; the riders' own page for any other.
function pathOf(link) {
  const found = typeof link === "string" && link.startsWith(`${SERVICE}/s/`);
  const code = found ? link.slice(`${SERVICE}/s/`.length) : "";
  return /^[0-9A-Za-z-]{1,64}$/.test(code) ? `/s/${code}` : "/me";
}

// The web-view's first address. Without a ticket the pages still show prices and charge.
function entry(path, ticket) {
  return ticket ? `${SERVICE}/enter?ticket=${ticket}&to=${path}` : `${SERVICE}${path}`;
}

module.exports = { pathOf, entry };
