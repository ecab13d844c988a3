const Hubspot = require("hubspot");

async function main() {
  const client = new Hubspot({});
  client.setAccessToken(process.env.TOKEN);
  const company = await client.companies.create({ properties: [{ name: "name", value: "Made by npm" }] });
  await client.contacts.createOrUpdate("npm@ex.org", { properties: [{ property: "firstname", value: "Npm" }] });
  const contact = await client.contacts.getByEmail("npm@ex.org");
  await client.contacts.update(contact.vid, { properties: [{ property: "city", value: "Rome" }] });
  await client.crm.associations.create({
    fromObjectId: contact.vid,
    toObjectId: company.companyId,
    category: "HUBSPOT_DEFINED",
    definitionId: 1,
  });
  const found = await client.companies.getByDomain("company0.example");
  return {
    contacts: (await client.contacts.get()).contacts.length,
    search: (await client.contacts.search("person0@ex.org")).total,
    companies: (await client.companies.get()).companies.length,
    found: found.results.length,
    properties: (await client.contacts.properties.get()).length,
    deals: (await client.deals.get()).deals.length,
    owners: (await client.owners.get()).length,
    pipelines: (await client.pipelines.get({ object_type: "deals" })).length,
    city: (await client.contacts.getById(contact.vid)).properties.city.value,
  };
}

main().then((answer) => console.log(JSON.stringify(answer)));
