// graphql-ws: query and subscription over one WebSocket.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { ASK, FOLLOW, clicks, follower, socketUrl, tell, variables } from "./question.mjs";

const client = createClient({ url: socketUrl, webSocketImpl: WebSocket });

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
await client.dispose();
