"""A Citus server of whoever runs the tests: one, which holds all shards."""

from urllib.parse import urlsplit

from psycopg import connect

from parlour.store.distribution import distribute
from parlour.store.migrate import migrate
from parlour.store.postgresql import PostgreSQL

HERE = "SELECT citus_set_coordinator_host(%s, %s)"
ALONE = "SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node"
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


class CitusServer:
    """One that runs already, by its URL; tests make databases there and remove them."""

    def __init__(self, url):
        self._url = urlsplit(url)

    def url_of(self, database):
        return self._url._replace(path=f"/{database}").geturl()

    def set_up(self, connection, template):
        with connect(self.url_of(template), autocommit=True) as inside:
            inside.execute("CREATE EXTENSION citus")
            inside.execute(HERE, (self._url.hostname, self._url.port))
            inside.execute(ALONE)
        engine = PostgreSQL(self.url_of(template))
        migrate(engine)
        session = engine.open()
        session.begin()
        distribute(session)
        session.commit()
        session.close()
        # Its maintenance looks in, and a database with company cannot be copied.
        connection.execute(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS false')
        connection.execute(OTHERS, (template,))
