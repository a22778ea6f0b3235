// graphql-sse, one connection an operation: query and subscription as server-sent events.
import { createClient } from "graphql-sse";
import { ASK, FOLLOW, clicks, follower, tell, url, variables } from "./question.mjs";

const client = createClient({ url, retryAttempts: 0 });

for await (const answer of client.iterate({ query: ASK, variables })) {
  tell({ asked: clicks(answer.data) });
}
const { take, seen } = follower();
const end = client.subscribe(
  { query: FOLLOW, variables },
  { next: ({ data }) => take(data), error: (error) => { throw error; }, complete: () => {} },
);
await seen;
end();
client.dispose();
