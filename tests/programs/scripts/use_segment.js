const { Destination } = require("@segment/actions-core");
const definition = require("@segment/action-destinations/dist/destinations/hubspot").default;

const destination = new Destination(definition);
const settings = { portalId: "1234567" };
const auth = { accessToken: process.env.TOKEN, refreshToken: "" };
const act = (action, mapping, event = { type: "identify", messageId: "m", timestamp: new Date().toISOString() }) =>
  destination.executeAction(action, { event, mapping, settings, auth, features: {} });

async function main() {
  await act("upsertContact", { email: "segment@ex.org", firstname: "Seg", lifecyclestage: "lead" });
  await act("upsertContact", { email: "segment@ex.org", firstname: "Ment" });
  await act("upsertCompany", {
    groupid: "g1",
    name: "Segmented",
    domain: "segmented.example",
    createNewCompany: true,
    associateContact: false,
  });
  await act("upsertObject", {
    object_details: { object_type: "contact", id_field_name: "email", id_field_value: "segment@ex.org" },
    properties: { city: "Rome" },
    association_sync_mode: "upsert",
    enable_batching: true,
    batch_size: 100,
    __segment_internal_sync_mode: "upsert",
  });
  const definitionAnswer = await act("customEvent", {
    event_name: "signed_up",
    record_details: { object_type: "contact", email: "segment@ex.org" },
    properties: { plan: "pro" },
    __segment_internal_sync_mode: "upsert",
  });
  return { done: true, definition: definitionAnswer };
}

main().then((answer) => console.log(JSON.stringify(answer))).catch((error) => {
  console.error(error.message, JSON.stringify(error.response?.data ?? error.errors ?? null));
  process.exit(1);
});
