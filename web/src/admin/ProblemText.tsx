// What went wrong, in a sentence: ours where we know the kind, else the server's own.
import { TriangleAlert } from 'lucide-react';
import { useT } from '../i18n/i18n';
import type { Problem } from './admin';

const SENTENCES = {
  invalid_token: 'admin:problem-token',
  no_token: 'admin:problem-token',
  admin_off: 'admin:problem-off',
  too_many_requests: 'admin:problem-tries',
  unreachable: 'admin:problem-unreachable',
  server_stopping: 'admin:problem-unreachable',
  room_not_found: 'admin:problem-gone',
  not_in_room: 'admin:problem-gone',
  track_not_found: 'admin:problem-gone',
  history_off: 'admin:problem-no-history',
  history_unreadable: 'admin:problem-history',
} as const;

export function ProblemText({ problem }: { problem: Problem }) {
  const t = useT();
  const sentence = Object.hasOwn(SENTENCES, problem.kind) ? SENTENCES[problem.kind as keyof typeof SENTENCES] : null;
  return (
    <p className="admin-problem" role="alert" data-testid="admin-problem" data-kind={problem.kind}>
      <TriangleAlert aria-hidden="true" />
      <span>{sentence === null ? problem.message : t(sentence)}</span>
    </p>
  );
}
