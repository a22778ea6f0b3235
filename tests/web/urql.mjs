// urql: queries by POST, subscriptions as server-sent events of the same fetch.
import { Client, fetchExchange } from "@urql/core";
import { ASK, FOLLOW, clicks, follower, tell, url, variables } from "./question.mjs";

const client = new Client({
  url,
  exchanges: [fetchExchange],
  fetchSubscriptions: true,
  preferGetMethod: false, // a GET is for persisted operations
});

const answer = await client.query(ASK, variables).toPromise();
if (answer.error) throw answer.error;
tell({ asked: clicks(answer.data) });

const refused = await client.query("{ nothing }", {}).toPromise();
tell({ refused: refused.error.graphQLErrors[0].extensions.code });

const { take, seen } = follower();
const following = client.subscription(FOLLOW, variables).subscribe(({ data, error }) => {
  if (error) throw error;
  take(data);
});
await seen;
following.unsubscribe();
