"""The archives that may be asked, from the settings."""

from bridge.config import Settings
from dicom_adapters.query import Options, Source


def sources(settings: Settings) -> dict[str, Source]:
    """Return every source by its name."""
    return {
        name: Source(
            Options(
                name=name,
                aet=mine.aet,
                host=mine.host,
                port=mine.port,
                our_aet=mine.our_aet or settings.scp.aet,
                dicomweb_url=mine.dicomweb_url,
                token=mine.token.get_secret_value(),
                silence_s=mine.silence_s,
            )
        )
        for name, mine in settings.sources.items()
    }
