"""Where the files are, and the certificates that they name."""

from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
CERTIFICATES = "/etc/visavis/certificates/"
