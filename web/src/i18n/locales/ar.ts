// One language in one chunk: a file for each feature folder of the page that is not fetched by itself.
export default import.meta.glob<Record<string, string>>(['./ar/*.json', '!./ar/{admin,checkup}.json'], {
  eager: true,
  import: 'default',
});
