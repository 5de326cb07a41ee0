"""The gallery of UI components with samples; embedded mode only."""
