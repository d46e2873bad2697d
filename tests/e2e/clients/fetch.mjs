// Node's own fetch: a GET and a POST, on one kept-alive connection.
const base = process.argv[2];
const got = await (await fetch(`${base}/hello?from=node`)).json();
const answer = await fetch(`${base}/echo`, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ a: 'ü' }),
});
const posted = await answer.json();
if (got.path !== '/hello?from=node' || answer.status !== 200) throw new Error(JSON.stringify(got));
if (Buffer.from(posted.body, 'latin1').toString() !== '{"a":"ü"}') throw new Error(JSON.stringify(posted));
console.log(JSON.stringify({ client: `node ${process.version} fetch`, calls: 2 }));
