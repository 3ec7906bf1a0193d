import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// What people read is said by `i18n`. These find words where words are shown: text between tags, what is shown of an element in another way,
// and what notices, menus and announcements say. A key of a text (`feature:key`) is none, nor is the name of the page.
const WORDS = '/^(?!\\w+:[\\w.-]+$|\\s*Visavis\\s*$).*\\p{L}{2}/su';
const SHOWN = '/^(aria-label|aria-description|aria-roledescription|title|label|tip|placeholder|alt)$/';
const SAID = '/^(text|label|tip|title)$/';
const literals = (where) => [
  `${where} > Literal[value=${WORDS}]`,
  `${where} > TemplateLiteral > TemplateElement[value.raw=${WORDS}]`,
];
const either = (where) => [...literals(where), ...literals(`${where} > ConditionalExpression`)];
const unsaid = [
  `JSXText[value=${WORDS}]`,
  ...either(':matches(JSXElement, JSXFragment) > JSXExpressionContainer'),
  `JSXAttribute[name.name=${SHOWN}] > Literal[value=${WORDS}]`,
  ...either(`JSXAttribute[name.name=${SHOWN}] > JSXExpressionContainer`),
  ...either(`Property[key.name=${SAID}]`),
  ...either('CallExpression[callee.property.name="announce"]'),
].map((selector) => ({
  selector,
  message: 'Words that people read belong into i18n/locales, in every language: say them by `t`.',
}));

export default tseslint.config(
  { ignores: ['node_modules'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    files: ['src/**/*.tsx', 'src/**/*.ts'],
    plugins: { 'react-hooks': hooks },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' },
  },
  {
    files: ['src/**/*.tsx', 'src/**/*.ts'],
    // The gallery is for who works on the page.
    ignores: ['src/**/*.test.ts', 'src/**/*.test.tsx', 'src/gallery/*'],
    rules: { 'no-restricted-syntax': ['error', ...unsaid] },
  },
);
