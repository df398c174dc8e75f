-- Pseudonyms that have taken a customer's place here, and of which Redis is still to be told: written with the orders
-- in one transaction, and removed when Redis holds the name no more.
CREATE TABLE erased_names (
    pseudonym text    COLLATE "C" NOT NULL,
    sale_no   integer NOT NULL,
    PRIMARY KEY (pseudonym, sale_no)
);
