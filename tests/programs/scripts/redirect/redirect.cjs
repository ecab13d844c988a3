// Leads connections to `api.hubapi.com` to the emulator, in a Node program that has no setting for it:
// NODE_OPTIONS="--require redirect.cjs". EMULATOR_ADDRESS is `127.0.0.1:PORT`.
const net = require("node:net");

const [host, port] = (process.env.EMULATOR_ADDRESS ?? "").split(":");
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  if (host && options?.host === "api.hubapi.com") {
    options.host = host;
    options.port = Number(port);
    delete options.lookup;
  }
  return connect.apply(this, given);
};
