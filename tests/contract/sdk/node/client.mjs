// Sends one call of every type through a Node SDK: client.mjs SDK URL WRITE_KEY
const [sdk, url, writeKey] = process.argv.slice(2);

async function segment() {
  const { Analytics } = await import("@segment/analytics-node");
  const analytics = new Analytics({ writeKey, host: url, flushInterval: 200, maxRetries: 5 });
  analytics.on("error", (error) => console.error(error));
  analytics.identify({ userId: "u1", traits: { email: "peter@example.com" } });
  analytics.track({ userId: "u1", event: "Bought", properties: { plan: "pro" } });
  analytics.page({ userId: "u1", name: "Home" });
  analytics.screen({ userId: "u1", name: "Start" });
  analytics.group({ userId: "u1", groupId: "g1", traits: { name: "Initech" } });
  analytics.alias({ userId: "u1", previousId: "a1" });
  await analytics.closeAndFlush({ timeout: 60000 });
}

async function rudderstack() {
  const { default: module } = await import("@rudderstack/rudder-sdk-node");
  const RudderAnalytics = module.default ?? module;
  const analytics = new RudderAnalytics(writeKey, { dataPlaneUrl: url, flushInterval: 200, maxInternalQueueSize: 100 });
  analytics.identify({ userId: "u1", traits: { email: "peter@example.com" } });
  analytics.track({ userId: "u1", event: "Bought", properties: { plan: "pro" } });
  analytics.page({ userId: "u1", name: "Home" });
  analytics.screen({ userId: "u1", name: "Start" });
  analytics.group({ userId: "u1", groupId: "g1", traits: { name: "Initech" } });
  analytics.alias({ userId: "u1", previousId: "a1" });
  await analytics.flush();
}

await { segment, rudderstack }[sdk]();
