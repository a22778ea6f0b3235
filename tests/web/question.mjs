// What every script asks, and how it tells the test: a line of JSON each for what it was answered ("asked"), for
// the first frame it was sent ("subscribed"), and for the first frame of another number ("seen").
//
// node SCRIPT URL CAMPAIGN

export const [url, campaign] = process.argv.slice(2);
export const socketUrl = url.replace(/^http/, "ws");
export const variables = { campaign };

const QUERY = `metrics(query: {
  metrics: [CLICKS], range: { lastSeconds: 3600 }, where: [{ dimension: CAMPAIGN, values: [$campaign] }]
}`;
export const ASK = `query Ask($campaign: String!) { ${QUERY}) { columns { name values } } }`;
export const FOLLOW = `subscription Follow($campaign: String!) {
  ${QUERY}, minIntervalMs: 100) { columns { name values } }
}`;

export function tell(what) {
  console.log(JSON.stringify(what));
}

export function clicks(data) {
  return data.metrics.columns.find((column) => column.name === "clicks").values[0];
}

/** Takes the data of each frame; `seen` is fulfilled by the first one of another number. */
export function follower() {
  let first = null;
  let found;
  const seen = new Promise((resolve) => (found = resolve));
  const take = (data) => {
    const number = clicks(data);
    if (first === null) {
      first = number;
      tell({ subscribed: number });
    } else if (number !== first) {
      tell({ seen: number });
      found();
    }
  };
  return { take, seen };
}
