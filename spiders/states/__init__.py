"""One pair of files per source: NAME.py reads its pages, NAME.yaml states its facts."""
