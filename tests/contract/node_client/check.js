// HubSpot's own Node client, unmodified, against an emulator: `node check.js BASE_URL TOKEN PORTAL_ID`.
// Prints one JSON object: check name -> "ok" or what went wrong. The control plane stands in for waiting.
"use strict";

const assert = require("node:assert/strict");
const { Client } = require("@hubspot/api-client");

const [basePath, accessToken, portalId] = process.argv.slice(2);
const client = new Client({ accessToken, basePath, numberOfApiCallRetries: 0 });

async function control(method, path, body) {
  const response = await fetch(`${basePath}/_emulator/${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

const refused = (status, text) => (error) => {
  assert.equal(error.code, status);
  assert.match(JSON.stringify(error.body), text);
  return true;
};

const person = (email, properties = {}, trace = "0") => ({
  id: email,
  idProperty: "email",
  objectWriteTraceId: trace,
  properties: { email, ...properties },
});

const checks = {
  async contacts() {
    const { basicApi, batchApi } = client.crm.contacts;
    const made = await batchApi.upsert({ inputs: [person("Ada@Example.com", { firstname: "Ada" })] });
    assert.equal(made.results[0]._new, true);
    assert.equal(made.results[0].properties.email, "ada@example.com");
    const ada = await basicApi.getById("ada@example.com", ["firstname"], undefined, undefined, false, "email");
    assert.equal(ada.properties.firstname, "Ada");
    await basicApi.update(ada.id, { properties: { city: "Paris" } });
    const read = await batchApi.read({ inputs: [{ id: ada.id }], properties: ["city"], propertiesWithHistory: [] });
    assert.equal(read.results[0].properties.city, "Paris");
    assert.equal((await client.crm.contacts.getAll()).length, 1);
    await basicApi.archive(ada.id);
    assert.equal((await control("GET", "contacts")).results.length, 0);
  },

  async merge() {
    const { basicApi } = client.crm.contacts;
    const [ada, bob] = await Promise.all(
      ["ada@example.com", "bob@example.com"].map((email) => basicApi.create({ properties: { email }, associations: [] })),
    );
    const merged = await basicApi.merge({ primaryObjectId: ada.id, objectIdToMerge: bob.id });
    assert.equal((await basicApi.getById(bob.id)).id, merged.id);
  },

  async multiStatus() {
    const inputs = [person("ada@example.com"), person("bob@example.com", { nope: "x" }, "1")];
    const answer = await client.crm.contacts.batchApi.upsert({ inputs });
    assert.equal(answer.numErrors, 1);
    assert.deepEqual(answer.errors[0].context, { objectWriteTraceId: ["1"] });
    assert.equal(answer.results.length, 1);
  },

  async errors() {
    const { basicApi } = client.crm.contacts;
    await basicApi.create({ properties: { email: "ada@example.com" }, associations: [] });
    const again = basicApi.create({ properties: { email: "ada@example.com" }, associations: [] });
    await assert.rejects(again, refused(409, /Existing ID: 101/));
    await assert.rejects(basicApi.getById("999"), refused(404, /resource not found/));
    const stranger = new Client({ accessToken: "wrong", basePath });
    await assert.rejects(stranger.crm.contacts.basicApi.getPage(), refused(401, /INVALID_AUTHENTICATION/));
  },

  async retriesOnItsOwn() {
    await control("POST", "faults", { path: "*/contacts", status: 503, times: 1 });
    const patient = new Client({ accessToken, basePath, numberOfApiCallRetries: 2 });
    const made = await patient.crm.contacts.basicApi.create({
      properties: { email: "ada@example.com" },
      associations: [],
    });
    assert.equal(made.id, "101");
  },

  async search() {
    await client.crm.companies.basicApi.create({ properties: { name: "Acme", domain: "acme.example" }, associations: [] });
    const filters = [{ propertyName: "domain", operator: "EQ", value: "acme.example" }];
    const query = { filterGroups: [{ filters }], properties: ["name"], limit: 5, after: "0", sorts: [] };
    assert.equal((await client.crm.companies.searchApi.doSearch(query)).total, 0);
    await control("POST", "clock", { advance_seconds: 3 });
    assert.equal((await client.crm.companies.searchApi.doSearch(query)).results[0].properties.name, "Acme");
  },

  async properties() {
    const { coreApi, batchApi, groupsApi } = client.crm.properties;
    await groupsApi.create("contacts", { name: "own", label: "Own" });
    const kinds = { label: "Plan", type: "string", fieldType: "text", groupName: "own" };
    await coreApi.create("contacts", { name: "plan", ...kinds });
    await control("POST", "clock", { advance_seconds: 1 });
    assert.ok((await coreApi.getAll("contacts")).results.some((known) => known.name === "plan"));
    await assert.rejects(coreApi.create("contacts", { name: "plan", ...kinds }), refused(409, /already exists/));
    const made = await batchApi.create("contacts", { inputs: [{ name: "plan_two", ...kinds }] });
    assert.equal(made.results[0].name, "plan_two");
    assert.equal((await coreApi.update("contacts", "plan", { label: "The plan" })).label, "The plan");
    await coreApi.archive("contacts", "plan");
    await assert.rejects(coreApi.getByName("contacts", "plan"), refused(404, /does not exist/));
  },

  async associations() {
    const create = (api, properties) => api.basicApi.create({ properties, associations: [] });
    const contact = await create(client.crm.contacts, { email: "ada@example.com" });
    const company = await create(client.crm.companies, { name: "Acme" });
    const { basicApi, batchApi } = client.crm.associations.v4;
    await basicApi.createDefault("contacts", contact.id, "companies", company.id);
    const pair = { _from: { id: contact.id }, to: { id: company.id } };
    const types = [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 1 }];
    await batchApi.create("contacts", "companies", { inputs: [{ ...pair, types }] });
    const page = await basicApi.getPage("contacts", contact.id, "companies");
    assert.equal(String(page.results[0].toObjectId), company.id);
    assert.deepEqual(page.results[0].associationTypes.map((known) => known.typeId).sort(), [1, 279]);
    await batchApi.archive("contacts", "companies", { inputs: [{ _from: { id: contact.id }, to: [{ id: company.id }] }] });
    assert.equal((await control("GET", "associations")).results.length, 0);
  },

  async events() {
    const definition = { name: "signed_up", label: "Signed up", properties: [{ name: "plan" }] };
    const contacts = [{ properties: { email: "ada@example.com" } }];
    await control("POST", "seed", { contacts, event_definitions: [definition] });
    const event = { eventName: `pe${portalId}_signed_up`, email: "ada@example.com", properties: { plan: "pro" } };
    await client.events.send.basicApi.send({ ...event, uuid: "1" });
    await client.events.send.batchApi.send({ inputs: [{ ...event, uuid: "1" }, { ...event, uuid: "2" }] });
    const seen = await control("GET", "events");
    assert.deepEqual(seen.results.map((sent) => sent.uuid), ["1", "2"]);
    assert.equal(seen.results[0].contactId, "101");
  },

  async oauth() {
    const { code } = await control("POST", "oauth/code", { scopes: ["crm.objects.contacts.read"] });
    const { tokensApi, accessTokensApi } = client.oauth;
    const app = ["https://example.com/back", "emulator-client-id", "emulator-client-secret"];
    const tokens = await tokensApi.create("authorization_code", code, ...app);
    const fresh = await tokensApi.create("refresh_token", undefined, ...app, tokens.refreshToken);
    assert.equal((await accessTokensApi.get(fresh.accessToken)).hubId, Number(portalId));
    const reader = new Client({ accessToken: fresh.accessToken, basePath });
    const create = reader.crm.contacts.basicApi.create({ properties: { email: "a@example.com" }, associations: [] });
    await assert.rejects(create, refused(403, /MISSING_SCOPES/));
    await assert.rejects(tokensApi.create("refresh_token", undefined, ...app, "wrong"), refused(400, /BAD_REFRESH_TOKEN/));
  },
};

async function main() {
  const results = {};
  for (const [name, check] of Object.entries(checks)) {
    await control("POST", "reset");
    try {
      await check();
      results[name] = "ok";
    } catch (error) {
      results[name] = `${error.stack || error} ${error.body ? JSON.stringify(error.body) : ""}`;
    }
  }
  process.stdout.write(JSON.stringify(results));
}

main();
