// `node --test` wants a reporter to be a default export, which the house does without: this file is the only exception.
export { countTests as default } from './counting-reporter.ts';
