// Sends one "Ad Clicked" twice with the same message id through @segment/analytics-node, unchanged.
// usage: node segment_node.mjs COLLECTOR_URL CAMPAIGN_ID MESSAGE_ID
import { Analytics } from "@segment/analytics-node";

const [url, campaign, messageId] = process.argv.slice(2);
const analytics = new Analytics({ writeKey: "tidemark", host: url, flushInterval: 100, maxRetries: 3 });
let failed = null;
analytics.on("error", (error) => {
  failed = error;
});
const call = {
  messageId,
  userId: "segment-node",
  event: "Ad Clicked",
  properties: { campaign_id: campaign, ad_id: "ad-1" },
  timestamp: new Date(),
};
for (let copy = 0; copy < 2; copy += 1) {
  analytics.track(call);
  await analytics.flush();
}
await analytics.closeAndFlush();
if (failed) {
  console.error(failed);
  process.exit(1);
}
console.log(JSON.stringify({ client: "@segment/analytics-node", message_id: messageId, campaign_id: campaign, sent: 2, event: "click" }));
