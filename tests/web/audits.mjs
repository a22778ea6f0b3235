// graphql-http's audits of a server: prints each that is not passed, one line of JSON each.
//
// node audits.mjs URL
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.argv[2] });
for (const { id, name, status, reason } of results) {
  if (status !== "ok") console.log(JSON.stringify({ id, name, status, reason }));
}
console.log(JSON.stringify({ audits: results.length }));
