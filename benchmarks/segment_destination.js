// Delivers messages with Segment's own HubSpot destination: `segment_destination.js CORPUS URL TOKEN`.
// Prints the CPU seconds of the deliveries, without those of loading the package and reading the file.
const fs = require("fs");
const { Destination } = require("@segment/actions-core");
const folder = "@segment/action-destinations/dist/destinations/hubspot";
const [corpus, url, token] = process.argv.slice(2);
require(`${folder}/properties`).HUBSPOT_BASE_URL = url;
const definition = require(folder).default;

const BATCH = 100;
const PORTAL = "1234567";

function subscription(partnerAction, subscribe, own) {
  const defaults = Object.entries(definition.actions[partnerAction].fields)
    .filter(([, field]) => field.default !== undefined)
    .map(([name, field]) => [name, field.default]);
  return { name: partnerAction, partnerAction, subscribe, mapping: { ...Object.fromEntries(defaults), ...own } };
}

const settings = {
  portalId: PORTAL,
  oauth: { access_token: token, refresh_token: "" },
  subscriptions: [
    subscription("upsertContact", 'type = "identify"', { enable_batching: true }),
    subscription("sendCustomBehavioralEvent", 'type = "track"', {
      eventName: { "@path": "$.event_name" },
      properties: { "@path": "$.properties" },
    }),
    subscription("upsertCompany", 'type = "group"', {}),
  ],
};

async function main() {
  const messages = fs.readFileSync(corpus, "utf8").trim().split("\n").map(JSON.parse);
  const destination = new Destination(definition);
  const failures = {};
  const failed = (error) => {
    const text = String(error.response?.data?.message ?? error.message).slice(0, 120);
    failures[text] = (failures[text] ?? 0) + 1;
  };
  const before = process.cpuUsage();
  let identifies = [];
  const flush = async () => {
    if (identifies.length) await destination.onBatch(identifies, settings).catch(failed);
    identifies = [];
  };
  for (const message of messages) {
    if (message.type === "identify") {
      identifies.push(message);
      if (identifies.length === BATCH) await flush();
    } else {
      if (message.event) message.event_name = `pe${PORTAL}_${message.event.toLowerCase().replaceAll(" ", "_")}`;
      await destination.onEvent(message, settings).catch(failed);
    }
  }
  await flush();
  const used = process.cpuUsage(before);
  console.log(JSON.stringify({ cpu_seconds: (used.user + used.system) / 1e6, failures }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
