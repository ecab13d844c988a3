// Sends identify, track and group through a Node client: CLIENT URL WRITE_KEY USER [TRACKS TEXT_BYTES]
const [name, url, writeKey, user, tracks = "1", textBytes = "0"] = process.argv.slice(2);
const report = (error) => console.error("not sent:", error.message ?? error);
const flushed = (client) => new Promise((resolve) => client.flush(resolve));

const clients = {
  "@customerio/cdp-analytics-node": () => {
    const { Analytics } = require("@customerio/cdp-analytics-node");
    const client = new Analytics({ writeKey, host: url });
    client.on("error", report);
    return [client, () => client.closeAndFlush()];
  },
  "@expo/rudder-sdk-node": () => {
    const Analytics = require("@expo/rudder-sdk-node").default;
    const client = new Analytics(writeKey, `${url}/v1/batch`);
    return [client, () => client.flush()];
  },
  "@rudderstack/analytics-js-service-worker": () => {
    const { Analytics } = require("@rudderstack/analytics-js-service-worker");
    const client = new Analytics(writeKey, url);
    return [client, () => flushed(client)];
  },
  "analytics-node": () => {
    const Analytics = require("analytics-node");
    const client = new Analytics(writeKey, { host: url, errorHandler: report });
    return [client, () => client.flush()];
  },
  "analytics-node-3": () => {
    const Analytics = require("analytics-node-3");
    const client = new Analytics(writeKey, { host: url });
    return [client, () => flushed(client)];
  },
};

function callsOf(client) {
  client.identify({ userId: user, traits: { email: `${user}@site.test`, firstName: "Ann" } });
  for (let number = 1; number <= Number(tracks); number++) {
    const order = number === 1 ? user : `${user}-${number}`;
    const properties = { order, revenue: 20.5 };
    if (Number(textBytes)) properties.text = "x".repeat(Number(textBytes));
    client.track({ userId: user, event: "Order Completed", properties });
  }
  const traits = { name: `Acme ${user}`, website: `https://${user}.test` };
  client.group({ userId: user, groupId: `g-${user}`, traits });
}

async function jitsu() {
  const { jitsuAnalytics } = require("@jitsu/js");
  const client = jitsuAnalytics({ host: url, writeKey: `${writeKey}:secret` });
  await client.identify(user, { email: `${user}@site.test`, firstName: "Ann" });
  await client.track("Order Completed", { order: user, revenue: 20.5 });
  await client.group(`g-${user}`, { name: `Acme ${user}`, website: `https://${user}.test` });
}

async function main() {
  if (name === "@jitsu/js") return jitsu();
  const [client, finish] = clients[name]();
  callsOf(client);
  await finish();
}

main();
