const folder = "@activepieces/piece-hubspot/src/lib/actions/";
const { hubSpotContactsCreateOrUpdateAction } = require(`${folder}create-or-update-contact-action`);
const { hubSpotListsAddContactAction } = require(`${folder}add-contact-to-list-action`);
const { hubSpotClient } = require("@activepieces/piece-hubspot/src/lib/common/client");

async function main() {
  const token = process.env.TOKEN;
  const authentication = { access_token: token };
  const run = (action, values) => action.run({ propsValue: { authentication, ...values } });
  const again = await run(hubSpotContactsCreateOrUpdateAction, { email: "made@ex.org", firstName: "Again" });
  const { lists } = await hubSpotClient.lists.getStaticLists({ token });
  const listed = await run(hubSpotListsAddContactAction, { listId: lists[0].listId, email: "made@ex.org" });
  return { again, lists, listed };
}

main().then((answer) => console.log(JSON.stringify(answer)));
