// Runs messages through Segment's own HubSpot destination: use `run_segment.js FILE`, JSON of messages and subscriptions.
const fs = require("fs");
const { Destination } = require("@segment/actions-core");
const definition = require("@segment/action-destinations/dist/destinations/hubspot").default;

async function main() {
  const { messages, subscriptions } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
  const settings = { subscriptions, portalId: "1234567", oauth: { access_token: process.env.TOKEN, refresh_token: "" } };
  const failures = [];
  for (const message of messages) {
    try {
      await new Destination(definition).onEvent(message, settings, {});
    } catch (error) {
      failures.push([message.messageId, error.message, error.response?.data?.message]);
    }
  }
  return failures;
}

main().then((answer) => console.log(JSON.stringify(answer))).catch((error) => {
  console.error(error.stack, JSON.stringify(error.response?.data ?? null));
  process.exit(1);
});
