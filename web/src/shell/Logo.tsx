// Two arcs that face each other, and the name; or what the installation has in their place.
import { useStore } from '../state/store';
import { installationName } from '../theme/installation';
import { logo } from '../theme/look';

export function Logo({ small = false }: { small?: boolean }) {
  const picture = useStore(logo);
  if (picture !== null) {
    return (
      <span className="logo">
        {/* Elsewhere nobody is told which room it is shown in. */}
        <img className="logo-picture" src={picture} alt={installationName()} referrerPolicy="no-referrer" />
      </span>
    );
  }
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="9" fill="var(--accent)" />
        <path
          d="M8 8c6 3 6 13 0 16M24 8c-6 3-6 13 0 16"
          fill="none"
          stroke="var(--on-accent)"
          strokeWidth="3.4"
          strokeLinecap="round"
        />
      </svg>
      <span className={small ? 'logo-name logo-name-small' : 'logo-name'}>{installationName()}</span>
    </span>
  );
}
