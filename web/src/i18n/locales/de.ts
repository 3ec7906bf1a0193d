// One language in one chunk: a file for each feature folder of the page.
export default import.meta.glob<Record<string, string>>('./de/*.json', { eager: true, import: 'default' });
