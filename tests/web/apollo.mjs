// Apollo Client: automatic persisted queries by GET, subscriptions over graphql-ws.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { createHash } from "node:crypto";
import WebSocket from "ws";
import { ASK, FOLLOW, clicks, follower, socketUrl, tell, url, variables } from "./question.mjs";

const methods = [];
const counted = (address, options) => {
  methods.push(options.method);
  return fetch(address, options);
};
const persisted = new PersistedQueryLink({
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  useGETForHashedQueries: true,
});
const sockets = createClient({ url: socketUrl, webSocketImpl: WebSocket });
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    persisted.concat(new HttpLink({ uri: url, fetch: counted })),
  ),
});

for (let times = 0; times < 2; times++) {
  const answer = await client.query({ query: gql(ASK), variables, fetchPolicy: "network-only" });
  tell({ asked: clicks(answer.data) });
}
tell({ methods });

const { take, seen } = follower();
const following = client.subscribe({ query: gql(FOLLOW), variables }).subscribe(({ data, error }) => {
  if (error) throw error;
  take(data);
});
await seen;
following.unsubscribe();
client.stop();
await sockets.dispose();
