"""Operations, one file per family."""
