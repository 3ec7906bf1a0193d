// One language in one chunk: a file for each feature folder of the page that is not fetched by itself.
export default import.meta.glob<Record<string, string>>(['./en/*.json', '!./en/{admin,checkup}.json'], {
  eager: true,
  import: 'default',
});
