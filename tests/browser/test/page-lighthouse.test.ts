/** Home as Lighthouse judges it on a phone with a slow network. `npm run lighthouse` has it judge the other pages, too. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { judge, judgeFairly, LEAST, type Judgement } from '../stage/lighthouse.ts';
import { leftOut, leftOutAsSlow } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';

describe('Lighthouse', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let home: Judgement;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    home = await judge(stage.browser, `${stage.server.http}/`, 'phone');
  });

  for (const category of ['accessibility', 'best-practices'] as const) {
    it(`gives home ${LEAST} of 100 in ${category}`, () => {
      assert.ok(home.scores[category] >= LEAST, `${home.scores[category]}: ${home.findings.join('; ')}`);
    });
  }

  it(`gives home ${LEAST} of 100 in performance`, { skip: leftOutAsSlow('visavis') }, async () => {
    const { scores, findings } = await judgeFairly(stage.browser, `${stage.server.http}/`, 'phone');
    assert.ok(scores.performance >= LEAST, `${scores.performance}: ${findings.join('; ')}`);
  });
});
