// The English files tell the compiler which keys there are: one line for each feature folder.
import 'i18next';
import type shell from './locales/en/shell.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'shell';
    keySeparator: false;
    resources: {
      shell: typeof shell;
    };
  }
}
