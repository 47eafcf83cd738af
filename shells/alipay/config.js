// The service's address, without a trailing slash.
module.exports = { SERVICE: "https://charge.example" };
