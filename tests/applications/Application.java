import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;

/** An application on JDBC: for each line of its input it does a round of work, and prints a line. */
public class Application {
    private static final String INSERT = "insert into churn.complaints (customer_id, kind) values (?, ?)";

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        try (Connection connection = DriverManager.getConnection(arguments[0], arguments[1], arguments[2]);
                // The driver prepares it on the server when it has run five times.
                PreparedStatement insert = connection.prepareStatement(INSERT, Statement.RETURN_GENERATED_KEYS)) {
            while (input.readLine() != null) {
                connection.setAutoCommit(true);
                for (int number = 0; number < 8; number++) {
                    complain(insert, 1 + number % 3);
                }
                connection.setAutoCommit(false);
                batch(connection, insert);
                giveUp(connection, insert);
                System.out.println("done");
            }
        }
    }

    private static long complain(PreparedStatement insert, int customer) throws SQLException {
        insert.setLong(1, customer);
        insert.setString(2, "billing");
        insert.executeUpdate();
        try (ResultSet keys = insert.getGeneratedKeys()) {
            keys.next();
            return keys.getLong("complaint_id");
        }
    }

    private static void batch(Connection connection, PreparedStatement insert) throws SQLException {
        for (int number = 0; number < 40; number++) {
            insert.setLong(1, 9 - number % 9);
            insert.setString(2, "batch");
            insert.addBatch();
        }
        insert.executeBatch();
        Savepoint savepoint = connection.setSavepoint();
        long forgotten = complain(insert, 4);
        connection.rollback(savepoint);
        long moved = complain(insert, 5);
        try (PreparedStatement change =
                connection.prepareStatement("update churn.complaints set customer_id = 6 where complaint_id in (?, ?)")) {
            change.setLong(1, moved);
            change.setLong(2, forgotten);
            if (change.executeUpdate() != 1) {
                throw new IllegalStateException("the savepoint kept what was rolled back");
            }
        }
        connection.commit();
    }

    private static void giveUp(Connection connection, PreparedStatement insert) throws SQLException {
        complain(insert, 7);
        connection.rollback();
    }
}
