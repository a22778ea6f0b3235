// Sends one "Ad Clicked" twice with the same message id through @rudderstack/rudder-sdk-node, unchanged.
// usage: node rudder_node.mjs COLLECTOR_URL CAMPAIGN_ID MESSAGE_ID
import RudderAnalytics from "@rudderstack/rudder-sdk-node";

const [url, campaign, messageId] = process.argv.slice(2);
const Client = RudderAnalytics.default ?? RudderAnalytics;
const client = new Client("tidemark", { dataPlaneUrl: url, flushAt: 1, retryCount: 0 });
const call = {
  messageId,
  userId: "rudder-node",
  event: "Ad Clicked",
  properties: { campaign_id: campaign, ad_id: "ad-1" },
  timestamp: new Date(),
};
const send = () =>
  new Promise((resolve, reject) => {
    client.track({ ...call }, (error) => (error ? reject(error) : resolve()));
  });
try {
  await send();
  await send();
} catch (error) {
  console.error(error);
  process.exit(1);
}
console.log(JSON.stringify({ client: "@rudderstack/rudder-sdk-node", message_id: messageId, campaign_id: campaign, sent: 2, event: "click" }));
process.exit(0);
