// Sends one "Ad Clicked" twice with the same message id through @segment/analytics-next in a browser made by jsdom.
// The campaign is that of the page (utm_campaign), not of the call.
// usage: node segment_next.mjs COLLECTOR_URL CAMPAIGN_ID MESSAGE_ID
import { JSDOM } from "jsdom";

const [url, campaign, messageId] = process.argv.slice(2);
const dom = new JSDOM("<!doctype html><title>Shop</title>", {
  url: `http://shop.example/sale?utm_campaign=${encodeURIComponent(campaign)}&utm_source=newsletter&utm_medium=email`,
  pretendToBeVisual: true,
});
for (const name of ["window", "document", "navigator", "location", "localStorage", "sessionStorage", "CustomEvent"]) {
  Object.defineProperty(globalThis, name, { value: name === "window" ? dom.window : dom.window[name], configurable: true });
}
globalThis.addEventListener = dom.window.addEventListener.bind(dom.window);

const answers = [];
const fetchOfNode = globalThis.fetch;
dom.window.fetch = globalThis.fetch = async (...request) => {
  const answer = await fetchOfNode(...request);
  answers.push([String(request[0]), answer.status]);
  return answer;
};

const { AnalyticsBrowser } = await import("@segment/analytics-next");
const analytics = AnalyticsBrowser.load({ writeKey: "tidemark", cdnURL: url });
await analytics.ready();
const timestamp = new Date();
for (let copy = 0; copy < 2; copy += 1) {
  await analytics.track("Ad Clicked", { ad_id: "ad-1" }, { messageId, timestamp });
}
for (let waited = 0; waited < 50 && answers.filter(([to]) => to.endsWith("/t")).length < 2; waited += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const sent = answers.filter(([to, status]) => to.endsWith("/t") && status === 200).length;
if (sent !== 2) {
  console.error(`expected two answers 200 from ${url}/v1/t, got ${JSON.stringify(answers)}`);
  process.exit(1);
}
console.log(JSON.stringify({ client: "@segment/analytics-next", message_id: messageId, campaign_id: campaign, sent, event: "click" }));
process.exit(0);
