// A browser's EventSource: persisted operations by GET, no library.
import { EventSource } from "eventsource";
import { clicks, follower, campaign, tell, url } from "./question.mjs";

const variables = JSON.stringify({ campaigns: [campaign] });
const address = (id) => `${url}?${new URLSearchParams({ id, variables })}`;

const answer = await fetch(address("TotalClicks"), { headers: { accept: "application/json" } });
tell({ asked: clicks((await answer.json()).data) });

const again = await fetch(address("TotalClicks"), { headers: { "if-none-match": answer.headers.get("etag") } });
tell({ again: again.status });

const { take, seen } = follower();
const source = new EventSource(address("LiveClicks"));
source.addEventListener("next", (event) => take(JSON.parse(event.data).data));
source.addEventListener("complete", () => source.close());
source.addEventListener("error", (event) => { throw new Error(`${event.code} ${event.message}`); });
await seen;
source.close();
